/** Whose AT firmware it is, which decides how it is spoken to. */
export type Family =
  /** 0.x, on SDK 0.9: takes any download. */
  | 'old'
  /** 1.x, on the NONOS SDK. */
  | 'nonos'
  /** 2.x and later, on ESP-IDF. */
  | 'esp-at';

/** What `AT+GMR` says, read. */
export interface AtVersion {
  /** `0.18`, `1.7.6.0`, `3.2.0.0`. */
  readonly at: string;
  readonly sdk: string | null;
  /** The vendor's own, where it has one. */
  readonly bin: string | null;
  readonly family: Family;
  /** All that it said, on one line: two firmwares are the same where this is. */
  readonly text: string;
}

/** Four digits of the AT version and four or six of the SDK's, and what a vendor puts behind (AT 0.16 to 0.20). */
const DIGITS = /^(\d{4})(\d{4}|\d{6})(-[\x21-\x7e]{1,20})?$/;
/** AT 0.20 of June 2014: the same four digits, then the SDK's version as text. */
const MIXED = /^(\d{4})(\d\.\d[\d.]*)$/;

/** A line of the answer. A module may print others in between (`WIFI GOT IP`), which say nothing of its firmware. */
const OF_VERSION = /version|compile|build/i;

/** Reads what stands between AT+GMR and OK. Null: nothing in it is a version of AT firmware. Pure. */
export function readGmr(lines: readonly string[]): AtVersion | null {
  const told = lines
    .map((line) => line.trim())
    .filter((line) => OF_VERSION.test(line) || DIGITS.test(line) || MIXED.test(line));
  const text = told.join(' / ').slice(0, 400);
  const field = (name: RegExp) => told.map((line) => name.exec(line)?.[1]?.trim()).find((value) => value !== undefined);
  const at = field(/^AT version:\s*v?([0-9][\w.]*)/i);
  if (at !== undefined) {
    const sdk = field(/^SDK version:\s*(.+)$/i) ?? null;
    const bin = field(/^Bin version(?:\([^)]*\))?:\s*(.+)$/i) ?? null;
    return { at, sdk, bin, family: familyOf(at), text };
  }
  for (const line of told) {
    const [, version, sdk] = DIGITS.exec(line) ?? MIXED.exec(line) ?? [];
    if (version !== undefined && sdk !== undefined) return short(version, sdk, text);
  }
  return null;
}

function short(version: string, sdk: string, text: string): AtVersion {
  return { at: `0.${Number(version)}`, sdk: sdk.includes('.') ? sdk : dotted(sdk), bin: null, family: 'old', text };
}

/** `000902` and `0902` are 0.9.2. */
function dotted(digits: string): string {
  const pairs = digits.padStart(6, '0').match(/../g) ?? [];
  return pairs.map(Number).join('.');
}

function familyOf(at: string): Family {
  const major = Number.parseInt(at, 10);
  if (major === 0) return 'old';
  return major === 1 ? 'nonos' : 'esp-at';
}

/** Whether the version is at least this one: `major.minor`. */
export function isAtLeast({ at }: AtVersion, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = at.split('.').map((part) => Number.parseInt(part, 10));
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
