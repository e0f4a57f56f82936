/** Answers the one question of modules whose server name is compiled in (RFC 1035, section 4). */

const HEADER_BYTES = 12;
const LONGEST_QUERY = 512;
const TYPE_A = 1;
const CLASS_IN = 1;
const TTL_SECONDS = 60;
const NO_ERROR = 0;
const REFUSED = 5;

interface Query {
  readonly name: string;
  readonly type: number;
  readonly recordClass: number;
  /** Behind the question. */
  readonly endsAt: number;
}

/**
 * What to answer a datagram with: the address for the name, nothing for other types of the same name, REFUSED for every other name.
 * Null for what is no question: it is not answered. Pure, and total.
 *
 * @param address IPv4 in dotted form
 */
export function answerDns(datagram: Uint8Array, name: string, address: string): Uint8Array | null {
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const query = readQuery(bytes);
  if (query === null) return null;
  const isOurs = query.name === name.toLowerCase() && query.recordClass === CLASS_IN;
  const hasAnswer = isOurs && query.type === TYPE_A;
  const header = Buffer.alloc(HEADER_BYTES);
  bytes.copy(header, 0, 0, 2);
  // QR and AA; the question's opcode is 0 and its RD is repeated.
  header.writeUInt16BE(0x8400 | (bytes.readUInt16BE(2) & 0x0100) | (isOurs ? NO_ERROR : REFUSED), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(hasAnswer ? 1 : 0, 6);
  const question = bytes.subarray(HEADER_BYTES, query.endsAt);
  return Buffer.concat([header, question, ...(hasAnswer ? [addressRecord(address)] : [])]);
}

function readQuery(bytes: Buffer): Query | null {
  if (bytes.length < HEADER_BYTES || bytes.length > LONGEST_QUERY) return null;
  const flags = bytes.readUInt16BE(2);
  // A question (QR 0) of opcode 0 and not truncated, exactly one of it, no answers.
  if ((flags & 0xfa00) !== 0 || bytes.readUInt16BE(4) !== 1 || bytes.readUInt16BE(6) !== 0) return null;
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > 63) return null;
    at += 1;
    if (length === 0) break;
    if (at + length > bytes.length) return null;
    labels.push(bytes.toString('latin1', at, at + length).toLowerCase());
    at += length;
  }
  if (at + 4 > bytes.length) return null;
  return {
    name: labels.join('.'),
    type: bytes.readUInt16BE(at),
    recordClass: bytes.readUInt16BE(at + 2),
    endsAt: at + 4,
  };
}

/** Its name is a pointer to the question's. */
function addressRecord(address: string): Buffer {
  const record = Buffer.alloc(16);
  record.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
  record.writeUInt16BE(TYPE_A, 2);
  record.writeUInt16BE(CLASS_IN, 4);
  record.writeUInt32BE(TTL_SECONDS, 6);
  record.writeUInt16BE(4, 10);
  record.set(address.split('.').map(Number), 12);
  return record;
}
