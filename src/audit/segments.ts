import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The file that grows. */
export const OPEN_SEGMENT = 'audit.jsonl';

const CLOSED = /^audit-(\d{12})\.jsonl$/;

/** What a full file is renamed to: by its first record, so that names sort as records do. */
export function closedName(firstSeq: number): string {
  return `audit-${String(firstSeq).padStart(12, '0')}.jsonl`;
}

/** The files of the audit log in a data folder, oldest first. */
export function segmentsIn(folder: string): string[] {
  const names = readdirSync(folder);
  const closed = names.filter((name) => CLOSED.test(name)).sort();
  return [...closed, ...names.filter((name) => name === OPEN_SEGMENT)].map((name) => join(folder, name));
}
