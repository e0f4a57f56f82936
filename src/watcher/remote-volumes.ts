import { statfs } from 'node:fs/promises';

/** File systems whose content changes on another machine, of which the kernel here sends no events. From linux/magic.h. */
const REMOTE_TYPES: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x01021997, // 9p, as virtual machines share folders
  0x65735546, // FUSE: sshfs, s3fs, VirtualBox; local ones only lose a little by being scanned more often
  0x00c36400, // Ceph
  0x5346414f, // AFS
  0x786f4256, // VirtualBox shared folders
]);

/** True where files may appear in a folder without an event. */
export async function isRemote(folder: string): Promise<boolean> {
  if (process.platform === 'win32') return folder.startsWith('\\\\');
  const { type } = await statfs(folder);
  return REMOTE_TYPES.has(type);
}
