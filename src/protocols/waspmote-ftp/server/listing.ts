import type { Entry } from '../folder.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** One line of LIST, as `ls -l` prints it. The 3G module takes the fifth word for the size. */
export function listLine({ kind, name, changedMs, ...entry }: Entry, user: string): string {
  const mode = kind === 'folder' ? 'drwxr-xr-x' : '-rw-r--r--';
  const sizeBytes = 'sizeBytes' in entry ? entry.sizeBytes : 0;
  const at = new Date(changedMs);
  const day = String(at.getUTCDate()).padStart(2, '0');
  return `${mode} 1 ${user} ${user} ${sizeBytes} ${MONTHS[at.getUTCMonth()]} ${day} ${at.getUTCFullYear()} ${name}\r\n`;
}

/** The time of MDTM (RFC 3659, section 2.3): `20261121033015`, in UTC. */
export function timeVal(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '');
}
