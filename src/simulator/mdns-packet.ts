/** The part of DNS that a small mDNS responder needs: RFC 1035, section 4, with the flags of RFC 6762, sections 5.4 and 10.2. */
export const RECORD_TYPE = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 } as const;

const CLASS_IN = 1;
/** Top bit of the class: "answer by unicast" in a question, "flush your cache" in a record. */
const TOP_BIT = 0x8000;
/** Response, authoritative (RFC 6762, section 18). */
const RESPONSE_FLAGS = 0x8400;
const RESPONSE_BIT = 0x8000;
const POINTER_BITS = 0xc0;
const LONGEST_NAME_LABELS = 128;

/** One entry of the question section (RFC 1035, section 4.1.2). */
export interface Question {
  readonly name: string;
  readonly type: number;
  /** The QU bit. */
  readonly wantsUnicast: boolean;
}

/** An answer the asker already has (RFC 6762, section 7.1); only PTR records are looked at. */
export interface KnownPointer {
  readonly name: string;
  readonly target: string;
  readonly ttlSeconds: number;
}

/** What somebody asks, with the answers that it knows already (RFC 6762, section 7.1). */
export interface Query {
  readonly id: number;
  readonly questions: readonly Question[];
  readonly known: readonly KnownPointer[];
}

/** A record that a device has. */
export type MdnsRecord = {
  readonly name: string;
  readonly ttlSeconds: number;
} & (
  | { readonly type: 'PTR'; readonly target: string }
  | { readonly type: 'SRV'; readonly target: string; readonly port: number }
  | { readonly type: 'TXT'; readonly strings: readonly string[] }
  | { readonly type: 'A'; readonly address: string }
);

/** What goes out in one packet. */
export interface Response {
  /** 0 in multicast; the asker's own in an answer to a legacy unicast query. */
  readonly id?: number;
  /** Repeated for legacy askers (RFC 6762, section 6.7), who know no cache-flush bit either. */
  readonly question?: Question;
  readonly answers: readonly MdnsRecord[];
  readonly additional?: readonly MdnsRecord[];
}

class PacketReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  uint16(): number {
    const value = this.#bytes.readUInt16BE(this.#at);
    this.#at += 2;
    return value;
  }

  uint32(): number {
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  /** Dotted, dots and backslashes inside a label escaped. Follows pointers backwards only, so it always ends. */
  name(): string {
    const labels: string[] = [];
    let limit = this.#at;
    let at = this.#at;
    let hasJumped = false;
    while (labels.length < LONGEST_NAME_LABELS) {
      const length = this.#bytes.readUInt8(at);
      if ((length & POINTER_BITS) === POINTER_BITS) {
        if (!hasJumped) this.#at = at + 2;
        at = this.#bytes.readUInt16BE(at) & 0x3fff;
        if (at >= limit) break;
        limit = at;
        hasJumped = true;
        continue;
      }
      at += 1 + length;
      if (length === 0) {
        if (!hasJumped) this.#at = at;
        return labels.join('.');
      }
      labels.push(escapeLabel(this.#bytes.toString('utf8', at - length, at)));
    }
    throw new RangeError('a name of an mDNS packet does not end');
  }

  skip(sizeBytes: number): void {
    this.#at += sizeBytes;
  }

  fork(): PacketReader {
    return new PacketReader(this.#bytes, this.#at);
  }
}

/** A dot in an instance name separates nothing (RFC 6763, section 4.3). */
export function escapeLabel(label: string): string {
  return label.replace(/[.\\]/g, '\\$&');
}

function labelsOf(name: string): string[] {
  return (name.match(/(?:\\.|[^.\\])+/g) ?? []).map((label) => label.replace(/\\(.)/g, '$1'));
}

/** Null for responses and for anything that is not a well-formed query. */
export function decodeQuery(bytes: Buffer): Query | null {
  try {
    const reader = new PacketReader(bytes);
    const id = reader.uint16();
    if ((reader.uint16() & RESPONSE_BIT) !== 0) return null;
    const [questionCount, answerCount] = [reader.uint16(), reader.uint16()];
    reader.skip(4);
    const questions = Array.from({ length: questionCount }, () => readQuestion(reader));
    const known = Array.from({ length: answerCount }, () => readKnownPointer(reader)).filter((each) => each !== null);
    return { id, questions, known };
  } catch (cause) {
    if (cause instanceof RangeError) return null;
    throw cause;
  }
}

function readQuestion(reader: PacketReader): Question {
  const name = reader.name();
  const type = reader.uint16();
  return { name, type, wantsUnicast: (reader.uint16() & TOP_BIT) !== 0 };
}

function readKnownPointer(reader: PacketReader): KnownPointer | null {
  const name = reader.name();
  const type = reader.uint16();
  reader.skip(2);
  const ttlSeconds = reader.uint32();
  const sizeBytes = reader.uint16();
  const data = reader.fork();
  reader.skip(sizeBytes);
  return type === RECORD_TYPE.PTR ? { name, target: data.name(), ttlSeconds } : null;
}

class PacketWriter {
  readonly #parts: Buffer[] = [];
  readonly #offsets = new Map<string, number>();
  #length = 0;

  bytes(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }

  uint16(value: number): void {
    this.bytes(Buffer.from([value >> 8, value & 0xff]));
  }

  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value & 0xffff);
  }

  /** Compressed (RFC 1035, section 4.1.4). */
  name(name: string): void {
    const labels = labelsOf(name);
    for (const [at, label] of labels.entries()) {
      const rest = labels.slice(at).map(escapeLabel).join('.').toLowerCase();
      const offset = this.#offsets.get(rest);
      if (offset !== undefined) {
        this.uint16((POINTER_BITS << 8) | offset);
        return;
      }
      this.#offsets.set(rest, this.#length);
      const bytes = Buffer.from(label);
      this.bytes(Buffer.from([bytes.length]));
      this.bytes(bytes);
    }
    this.bytes(Buffer.from([0]));
  }

  /** Record data behind its length. */
  data(write: () => void): void {
    const length = Buffer.alloc(2);
    this.bytes(length);
    const start = this.#length;
    write();
    length.writeUInt16BE(this.#length - start);
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts, this.#length);
  }
}

/** Names are not compressed. */
export function encodeResponse(response: Response): Buffer {
  const { id = 0, question, answers, additional = [] } = response;
  const writer = new PacketWriter();
  for (const field of [id, RESPONSE_FLAGS, question ? 1 : 0, answers.length, 0, additional.length])
    writer.uint16(field);
  if (question !== undefined) {
    writer.name(question.name);
    writer.uint16(question.type);
    writer.uint16(CLASS_IN);
  }
  for (const record of [...answers, ...additional]) writeRecord(writer, record, question === undefined);
  return writer.finish();
}

/** A host asks whether somebody has these names already (RFC 6762, section 8.1). */
export function encodeProbe(names: readonly string[], records: readonly MdnsRecord[]): Buffer {
  const writer = new PacketWriter();
  for (const field of [0, 0, names.length, 0, records.length, 0]) writer.uint16(field);
  for (const name of names) {
    writer.name(name);
    writer.uint16(RECORD_TYPE.ANY);
    writer.uint16(CLASS_IN);
  }
  for (const record of records) writeRecord(writer, record, false);
  return writer.finish();
}

function writeRecord(writer: PacketWriter, record: MdnsRecord, mayFlush: boolean): void {
  writer.name(record.name);
  writer.uint16(RECORD_TYPE[record.type]);
  // PTR records are shared among devices, the others belong to one (RFC 6762, section 10.2).
  writer.uint16(mayFlush && record.type !== 'PTR' ? CLASS_IN | TOP_BIT : CLASS_IN);
  writer.uint32(record.ttlSeconds);
  writer.data(() => writeData(writer, record));
}

function writeData(writer: PacketWriter, record: MdnsRecord): void {
  switch (record.type) {
    case 'PTR':
      writer.name(record.target);
      break;
    case 'SRV':
      writer.uint32(0); // priority, weight
      writer.uint16(record.port);
      writer.name(record.target);
      break;
    case 'TXT':
      for (const text of record.strings.map((each) => Buffer.from(each))) {
        writer.bytes(Buffer.from([text.length]));
        writer.bytes(text);
      }
      break;
    case 'A':
      writer.bytes(Buffer.from(record.address.split('.').map(Number)));
      break;
  }
}
