/** DNS messages as bytes, written from RFC 1035, section 4, for tests: no codec of src/ or of a package has a hand in them. */
export interface TestRecord {
  readonly name: string;
  readonly type: 'PTR' | 'SRV' | 'TXT' | 'A' | 'AAAA';
  readonly ttl: number;
  readonly flush?: boolean;
  readonly data: Uint8Array;
}

const TYPES = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 } as const;

export function nameBytes(name: string): Uint8Array {
  const labels = name.split('.').map((label) => Buffer.from(label));
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])]);
}

export function ptr(name: string, target: string, ttl = 4500): TestRecord {
  return { name, type: 'PTR', ttl, data: nameBytes(target) };
}

export function srv(name: string, target: string, port: number, ttl = 4500): TestRecord {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(port, 4);
  return { name, type: 'SRV', ttl, flush: true, data: Buffer.concat([head, nameBytes(target)]) };
}

export function txt(name: string, strings: readonly string[], ttl = 4500): TestRecord {
  const parts = strings.map((text) => Buffer.from(text)).flatMap((text) => [Buffer.from([text.length]), text]);
  return { name, type: 'TXT', ttl, flush: true, data: parts.length > 0 ? Buffer.concat(parts) : Buffer.from([0]) };
}

export function a(name: string, address: string, ttl = 120): TestRecord {
  return { name, type: 'A', ttl, flush: true, data: Buffer.from(address.split('.').map(Number)) };
}

export function response(answers: readonly TestRecord[], additionals: readonly TestRecord[] = []): Buffer {
  return message(0x8400, [], answers, [], additionals);
}

export function query(
  questions: readonly { name: string; type: keyof typeof TYPES }[],
  authorities: readonly TestRecord[] = [],
): Buffer {
  return message(0, questions, [], authorities, []);
}

function message(
  flags: number,
  questions: readonly { name: string; type: keyof typeof TYPES }[],
  answers: readonly TestRecord[],
  authorities: readonly TestRecord[],
  additionals: readonly TestRecord[],
): Buffer {
  const head = Buffer.alloc(12);
  for (const [index, value] of [
    0,
    flags,
    questions.length,
    answers.length,
    authorities.length,
    additionals.length,
  ].entries()) {
    head.writeUInt16BE(value, index * 2);
  }
  return Buffer.concat([
    head,
    ...questions.map(({ name, type }) => Buffer.concat([nameBytes(name), Buffer.from([0, TYPES[type], 0, 1])])),
    ...[...answers, ...authorities, ...additionals].map(recordBytes),
  ]);
}

function recordBytes({ name, type, ttl, flush = false, data }: TestRecord): Buffer {
  const head = Buffer.alloc(10);
  head.writeUInt16BE(TYPES[type], 0);
  head.writeUInt16BE(flush ? 0x8001 : 1, 2);
  head.writeUInt32BE(ttl, 4);
  head.writeUInt16BE(data.length, 8);
  return Buffer.concat([nameBytes(name), head, data]);
}

/**
 * The questions of a query without compression, which is what our side sends. Others share the port: what is a response or cannot
 * be read has no questions.
 */
export function readQuestions(bytes: Buffer): { name: string; type: number }[] {
  try {
    const isQuery = (bytes.readUInt16BE(2) & 0x8000) === 0;
    return isQuery ? decodeQuestions(bytes, bytes.readUInt16BE(4)) : [];
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

function decodeQuestions(bytes: Buffer, count: number): { name: string; type: number }[] {
  let offset = 12;
  return Array.from({ length: count }, () => {
    const labels: string[] = [];
    for (let length = bytes.readUInt8(offset); length > 0; length = bytes.readUInt8(offset)) {
      labels.push(bytes.toString('utf8', offset + 1, offset + 1 + length));
      offset += length + 1;
    }
    const type = bytes.readUInt16BE(offset + 1);
    offset += 5;
    return { name: labels.join('.'), type };
  });
}

export const QUESTION_TYPES = TYPES;
