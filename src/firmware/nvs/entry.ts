import { FlashError } from '../../errors.ts';

/** The integers of NVS, by the names that ESP-IDF gives them. */
export const INTEGER_TYPES = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'u64', 'i64'] as const;
/** The integer encodings of `nvs_partition_gen`. */
export type IntegerType = (typeof INTEGER_TYPES)[number];

/** A value with its type; integers are bigint, since u64 is beyond a number. */
export type NvsValue =
  | { readonly type: IntegerType; readonly value: bigint }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'blob'; readonly value: Uint8Array };

/** One key of a namespace with its value, as `nvs_set_…` would store it. */
export type NvsEntry = { readonly namespace: string; readonly key: string } & NvsValue;

/** ESP-IDF, "Non-Volatile Storage Library": NVS_KEY_NAME_MAX_SIZE is 16, with the NUL. */
const LONGEST_KEY_BYTES = 15;
/** With its NUL; it has to fit into one page. */
const LONGEST_STRING_BYTES = 4000;
/** 127 chunks, which are as many as one write can number, of 4,000 bytes. */
const LONGEST_BLOB_BYTES = 508_000;

/**
 * Checks what does not depend on the partition: names, ranges, lengths.
 *
 * @throws FlashError NVS_BAD_ENTRY
 */
export function checkEntry(entry: NvsEntry): void {
  checkName('namespace', entry.namespace);
  checkName('key', entry.key);
  const why = valueProblem(entry);
  if (why !== null) throw badEntry(`${nameOf(entry)}: ${why}`);
}

/** As people write it, and as the heading of a table may. */
export function nameOf({ namespace, key }: Pick<NvsEntry, 'namespace' | 'key'>): string {
  return `${namespace}:${key}`;
}

/** Width in bytes and sign of an integer type. */
export function integerShape(type: IntegerType): { readonly widthBytes: number; readonly isSigned: boolean } {
  return { widthBytes: Number(type.slice(1)) / 8, isSigned: type.startsWith('i') };
}

/** NVS_BAD_ENTRY. */
export function badEntry(message: string): FlashError {
  return new FlashError('NVS_BAD_ENTRY', message);
}

function checkName(what: string, name: string): void {
  const sizeBytes = Buffer.byteLength(name);
  if (sizeBytes >= 1 && sizeBytes <= LONGEST_KEY_BYTES && !name.includes('\0')) return;
  throw badEntry(`the ${what} ${JSON.stringify(name)} has ${sizeBytes} bytes; 1 to ${LONGEST_KEY_BYTES} are possible`);
}

function valueProblem(entry: NvsEntry): string | null {
  switch (entry.type) {
    case 'string': {
      if (entry.value.includes('\0')) return 'a string cannot hold a NUL';
      const sizeBytes = Buffer.byteLength(entry.value) + 1;
      return sizeBytes > LONGEST_STRING_BYTES
        ? `a string of ${sizeBytes} bytes; ${LONGEST_STRING_BYTES} are possible`
        : null;
    }
    case 'blob':
      return entry.value.length > LONGEST_BLOB_BYTES
        ? `a blob of ${entry.value.length} bytes; ${LONGEST_BLOB_BYTES} are possible`
        : null;
    default:
      return rangeProblem(entry.type, entry.value);
  }
}

function rangeProblem(type: IntegerType, value: bigint): string | null {
  const { widthBytes, isSigned } = integerShape(type);
  const bits = BigInt(widthBytes * 8 - (isSigned ? 1 : 0));
  const max = 2n ** bits - 1n;
  const min = isSigned ? -(2n ** bits) : 0n;
  return value < min || value > max ? `${value} is no ${type}; ${min} to ${max} are` : null;
}
