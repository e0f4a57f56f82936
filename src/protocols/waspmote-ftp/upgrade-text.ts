import { NO_FILE } from './constants.ts';

/** What UPGRADE.TXT announces. */
export interface Upgrade {
  readonly file: string;
  readonly sizeBytes: number;
  readonly version: number;
}

/**
 * UPGRADE.TXT as all four modules read it: FILE first (3G and GPRS take what follows the first colon of the file), LF alone (a CR would
 * be part of the name or the path), and an LF at the end too (without it the modules read beyond the text). `PATH:/` is the one path
 * that WiFi, 3G and GPRS make a right name of; 4G looks at none. Null: nothing to do, with all four labels.
 */
export function encodeUpgradeText(upgrade: Upgrade | null): Uint8Array {
  const { file, sizeBytes, version } = upgrade ?? { file: NO_FILE, sizeBytes: 0, version: 0 };
  return Buffer.from(`FILE:${file}\nPATH:/\nSIZE:${sizeBytes}\nVERSION:${version}\n`, 'latin1');
}
