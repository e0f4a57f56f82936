/** What a chip's own words say about where it is. */
export type BootState =
  /** It waits for a loader. */
  | 'download'
  /** It started from flash, or tried to. */
  | 'application'
  /** Bytes, but no boot message. */
  | 'talking'
  | 'silent';

/** What a chip is doing, by what it prints. */
export interface BootDiagnosis {
  readonly state: BootState;
  /** The line that says so, printable. */
  readonly line: string | null;
}

/** ESP32 family: `boot:0x3 (DOWNLOAD_BOOT(UART0/UART1))`, then `waiting for download`. ESP8266: `boot mode:(1,7)`. */
const DOWNLOAD = /waiting for download|boot:0x[0-9a-f]+ \([^\n]*DOWNLOAD|boot mode:\(1,/i;
const APPLICATION = /boot:0x[0-9a-f]+ \([^\n]*|boot mode:\([02-7],[^\n]*/i;

/** The last boot message counts: a chip that is reset again and again prints many. */
export function diagnoseBoot(text: string): BootDiagnosis {
  if (text.length === 0) return { state: 'silent', line: null };
  const lines = text.split(/[\r\n]+/).reverse();
  for (const line of lines) {
    if (DOWNLOAD.test(line)) return { state: 'download', line: printable(line) };
    if (APPLICATION.test(line)) return { state: 'application', line: printable(line) };
  }
  return { state: 'talking', line: null };
}

function printable(line: string): string {
  return line
    .replaceAll(/[^\x20-\x7e]/g, '')
    .trim()
    .slice(0, 120);
}
