import { type AuditRecord, type Link, sha256, unseal } from './chain.ts';

/** Where the chain does not hold. */
export interface Flaw {
  /**
   * `changed`: a line whose hash is not its own. `cut`: records are missing before it. `inserted`: a record that does not belong there,
   * or stands there again. `rewritten`: it is well-formed and follows on another record than the one before it.
   */
  readonly kind: 'changed' | 'cut' | 'inserted' | 'rewritten';
  /** Counted from 1. */
  readonly line: number;
  /** For people, with the numbers. */
  readonly message: string;
}

/** What one file of the log holds, read line by line. */
export interface Walk {
  /** After the last line. */
  readonly link: Link;
  readonly flaws: readonly Flaw[];
  /** The part from the beginning that is whole: up to which byte, and which link that is. */
  readonly sound: { readonly bytes: number; readonly link: Link };
  /** Bytes after the last line feed: a line that was not written to its end. */
  readonly unfinishedBytes: number;
}

const LINE_FEED = 0x0a;
/** A record whose hash cannot be known, because the line before it is not what it was. */
const UNKNOWN = '';

/** The event that closes what a crash left of a line: the bytes before it are accounted for by length and hash. */
export const TORN = 'audit.torn';

/** Goes through the lines of one file, from a link on. Each sound record is handed to `onRecord`. */
export function walk(bytes: Buffer, from: Link, onRecord: (record: AuditRecord) => void = () => undefined): Walk {
  const flaws: Flaw[] = [];
  let link = from;
  let sound = { bytes: 0, link: from };
  let at = 0;
  let line = 1;
  for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, at)) {
    const step = stepFrom(bytes, { at, end, line }, link);
    if (step.flaw !== null) flaws.push(step.flaw);
    if (step.record !== null) onRecord(step.record);
    // What a changed line's hash was is not known any more: the next one is taken at its word.
    link = step.record ?? { seq: link.seq + 1, hash: UNKNOWN };
    line += step.lines;
    at = step.end;
    if (flaws.length === 0) sound = { bytes: at, link: { seq: link.seq, hash: link.hash } };
  }
  return { link: { seq: link.seq, hash: link.hash }, flaws, sound, unfinishedBytes: bytes.length - at };
}

interface Step {
  /** Null for a line that is no record any more. */
  readonly record: AuditRecord | null;
  readonly flaw: Flaw | null;
  /** Where the next line begins. */
  readonly end: number;
  readonly lines: number;
}

/** One line, or a closed tear: the waste and the record that accounts for it. */
function stepFrom(bytes: Buffer, place: { at: number; end: number; line: number }, link: Link): Step {
  const record = unseal(bytes.toString('utf8', place.at, place.end));
  const plain = { record, end: place.end + 1, lines: 1 };
  if (record !== null && follows(record, link)) return { ...plain, flaw: null };
  return closedTear(bytes, place.at, link) ?? { ...plain, flaw: flawOf(record, link, place.line) };
}

function follows(record: AuditRecord, { seq, hash }: Link): boolean {
  return record.seq === seq + 1 && (hash === UNKNOWN || record.prev === hash);
}

/** Why a line does not belong where it stands. */
function flawOf(record: AuditRecord | null, link: Link, line: number): Flaw {
  const expected = link.seq + 1;
  if (record === null)
    return { kind: 'changed', line, message: `record ${expected} was changed: its hash is not that of its bytes` };
  if (record.seq > expected) {
    const missing =
      record.seq - 1 === expected ? `record ${expected} is` : `records ${expected} to ${record.seq - 1} are`;
    return { kind: 'cut', line, message: `${missing} missing` };
  }
  if (record.seq < expected)
    return { kind: 'inserted', line, message: `record ${record.seq} stands where record ${expected} belongs` };
  return { kind: 'rewritten', line, message: `record ${record.seq} does not follow on the record before it` };
}

/** A tear that the next start has closed: the record says how many bytes before it are waste, and their hash. */
function closedTear(bytes: Buffer, from: number, link: Link): Step | null {
  let lines = 1;
  let start = bytes.indexOf(LINE_FEED, from) + 1;
  for (let end = bytes.indexOf(LINE_FEED, start); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
    lines += 1;
    const text = bytes.toString('utf8', start, end);
    const record = text.includes(TORN) ? unseal(text) : null;
    if (record?.event === TORN && follows(record, link)) {
      const waste = bytes.subarray(from, start - 1);
      const isAccountedFor = record.data['bytes'] === waste.length && record.data['sha256'] === sha256(waste);
      return isAccountedFor ? { record, flaw: null, end: end + 1, lines } : null;
    }
    start = end + 1;
  }
  return null;
}
