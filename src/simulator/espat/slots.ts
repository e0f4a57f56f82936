import { crc32 } from 'node:zlib';
import type { FlashMap } from '../../model/image.ts';

/** What starts from a slot: its own AT+GMR, or why nothing does. */
export type Boot = { readonly runs: true; readonly gmr: string } | { readonly runs: false; readonly text: string };

/** Which bytes are which firmware: the simulator executes nothing. */
export interface KnownFirmware {
  readonly bytes: Uint8Array;
  readonly gmr: string;
}

const MAPS: Readonly<Record<number, FlashMap>> = {
  0: '256+256',
  2: '512+512',
  3: '512+512',
  4: '512+512',
  5: '1024+1024',
  6: '1024+1024',
};

/** The bootloader of the ESP8266 SDK at the start of a slot (fact sheet C.4, C.8). */
export function bootEsp8266(image: Uint8Array | null, flashMap: FlashMap, known: readonly KnownFirmware[]): Boot {
  const bytes = Buffer.from(image ?? []);
  const isOld = bytes[0] === 0xe9 && bytes[1] === 3;
  const isNew = bytes[0] === 0xea && bytes[1] === 4;
  if (!isOld && !isNew) return { runs: false, text: 'error magic!\r\nbackup boot failed.\r\n' };
  if (isNew && mapOf(bytes) !== flashMap) return { runs: false, text: 'error magic!\r\nbackup boot failed.\r\n' };
  const found = known.find((firmware) => bytes.equals(firmware.bytes));
  if (found === undefined) return { runs: false, text: 'Fatal exception (0):\r\nepc1=0x40100000\r\n' };
  return { runs: true, gmr: found.gmr };
}

/** The flash size of the second header, behind the mapped code. */
function mapOf(bytes: Buffer): FlashMap | null {
  const settings = 16 + bytes.readUInt32LE(12) + 3;
  return settings < bytes.length ? (MAPS[(bytes[settings] ?? 0) >> 4] ?? null) : null;
}

/** What libupgrade of SDK 2.0 and later looks at before it lets a slot start (fact sheet C.3). */
export function passesUpgradeCheck(image: Buffer, lastSegmentBytes: number, wantedSlot: 1 | 2): boolean {
  const magic = image.readUInt16BE(0);
  if ((magic !== 0xe903 && magic !== 0xea04) || image[3] !== wantedSlot || lastSegmentBytes < 4) return false;
  const signed = crc32(image.subarray(0, -4)) | 0;
  return image.readInt32LE(image.length - 4) === ((signed < 0 ? -signed - 1 : signed + 1) | 0);
}
