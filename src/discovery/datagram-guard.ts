/** Why a datagram was not even decoded. */
export type Refusal = 'off-link' | 'malformed' | 'duplicate' | 'flood';

/** RFC 6762, section 17. */
const MAX_DATAGRAM_BYTES = 9000;
const HEADER_BYTES = 12;
/** The smallest question is 5 bytes (root name, type, class); no record is smaller. */
const SMALLEST_ENTRY_BYTES = 5;

/**
 * A thousand devices answer each question within half a second, through a reflector even from one address, and at start dropflash asks
 * five times within 15 seconds. Where power comes back to all of them they send twenty thousand packets within seconds, and in a rollout,
 * a hundred at a time, a thousand packets a second (docs/bench.md, k). Decoding one takes some 50 µs.
 */
const SOURCE_BURST = 10_000;
const SOURCE_PER_SECOND = 1_000;
const TOTAL_BURST = 20_000;
const TOTAL_PER_SECOND = 2_000;
const MAX_SOURCES = 4096;

/**
 * A copy of a datagram within this time is the same one, heard again over a second interface or socket. RFC 6762, section 6: a record
 * is not multicast again within one second.
 */
const COPY_WINDOW_MS = 200;
const COPIES_REMEMBERED = 64;

interface Bucket {
  tokens: number;
  filledMs: number;
}

/**
 * Decides which datagrams of one interface are worth decoding, so that a flood or a crafted packet costs next to nothing. Time is
 * passed in (monotonic milliseconds).
 */
export class DatagramGuard {
  readonly #isOnLink: (source: string) => boolean;
  readonly #total: Bucket = { tokens: TOTAL_BURST, filledMs: 0 };
  readonly #sources = new Map<string, Bucket>();
  readonly #recent: { source: string; atMs: number; bytes: Uint8Array }[] = [];

  constructor(isOnLink: (source: string) => boolean) {
    this.#isOnLink = isOnLink;
  }

  /** Null: let it through. */
  refuse(bytes: Uint8Array, source: string, nowMs: number): Refusal | null {
    if (!this.#isOnLink(source)) return 'off-link';
    if (!isPossible(bytes)) return 'malformed';
    if (this.#isCopy(bytes, source, nowMs)) return 'duplicate';
    return this.#spend(decodingCost(bytes), source, nowMs) ? null : 'flood';
  }

  #isCopy(bytes: Uint8Array, source: string, nowMs: number): boolean {
    const isCopy = this.#recent.some(
      (seen) => nowMs - seen.atMs < COPY_WINDOW_MS && seen.source === source && Buffer.compare(seen.bytes, bytes) === 0,
    );
    if (isCopy) return true;
    if (this.#recent.length >= COPIES_REMEMBERED) this.#recent.shift();
    this.#recent.push({ source, atMs: nowMs, bytes });
    return false;
  }

  #spend(cost: number, source: string, nowMs: number): boolean {
    if (this.#sources.size >= MAX_SOURCES) this.#sources.clear();
    const bucket = this.#sources.get(source) ?? { tokens: SOURCE_BURST, filledMs: nowMs };
    this.#sources.set(source, bucket);
    refill(bucket, SOURCE_BURST, SOURCE_PER_SECOND, nowMs);
    refill(this.#total, TOTAL_BURST, TOTAL_PER_SECOND, nowMs);
    if (bucket.tokens < cost || this.#total.tokens < cost) return false;
    bucket.tokens -= cost;
    this.#total.tokens -= cost;
    return true;
  }
}

function refill(bucket: Bucket, burst: number, perSecond: number, nowMs: number): void {
  bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.filledMs) / 1000) * perSecond);
  bucket.filledMs = nowMs;
}

/** Names that point back and back again make decoding quadratic in the size; what fits one Ethernet frame costs 1. */
function decodingCost(bytes: Uint8Array): number {
  return Math.max(1, Math.ceil((bytes.length / 1500) ** 2));
}

/** The decoder makes lists as long as the header says before it reads on: 12 bytes could claim 262,140 entries. */
function isPossible(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_BYTES || bytes.length > MAX_DATAGRAM_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = view.getUint16(4) + view.getUint16(6) + view.getUint16(8) + view.getUint16(10);
  return entries * SMALLEST_ENTRY_BYTES <= bytes.length - HEADER_BYTES;
}
