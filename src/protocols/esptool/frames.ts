import type { Clock } from '../../clock.ts';
import type { SerialLink } from '../../transports/links.ts';
import { END, encodeSlip, SlipDecoder } from './slip.ts';

/** What is kept of the raw bytes for a diagnosis. */
const TEXT_BYTES = 4096;

/** Frames over a port. Keeps the last raw bytes as well: what a chip prints while it boots tells why it does not answer. */
export class FrameLink {
  readonly link: SerialLink;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #decoder = new SlipDecoder();
  #frames: Uint8Array[] = [];
  #raw: Uint8Array[] = [];
  #rawBytes = 0;

  constructor(link: SerialLink, clock: Clock, signal: AbortSignal) {
    this.link = link;
    this.#clock = clock;
    this.#signal = signal;
  }

  send(packet: Uint8Array): Promise<void> {
    return this.link.write(encodeSlip(packet));
  }

  /** The first frame that `pick` makes something of, within `timeoutMs`; null when none did. Frames before it are dropped. */
  async find<T>(pick: (frame: Uint8Array) => T | null, timeoutMs: number): Promise<T | null> {
    const endMs = this.#clock.monotonic() + timeoutMs;
    for (;;) {
      for (let frame = this.#frames.shift(); frame !== undefined; frame = this.#frames.shift()) {
        const found = pick(frame);
        if (found !== null) return found;
      }
      const remainingMs = endMs - this.#clock.monotonic();
      if (remainingMs <= 0 || !(await this.#read(remainingMs))) return null;
    }
  }

  /** Throws away whole frames, never bytes, until the line was quiet for `quietMs`; at most for `limitMs`. */
  async drain(quietMs: number, limitMs = 2_000): Promise<Uint8Array[]> {
    const endMs = this.#clock.monotonic() + limitMs;
    while (this.#clock.monotonic() < endMs && (await this.#read(quietMs))) {
      // Goes on until a read finds nothing.
    }
    const frames = this.#frames;
    this.#frames = [];
    return frames;
  }

  /** Before a reset or after a change of rate: nothing that came before can be part of what comes. */
  restart(): void {
    this.link.discardInput();
    this.#decoder.reset();
    this.#frames = [];
    this.#raw = [];
    this.#rawBytes = 0;
  }

  /** What has arrived since `restart`, as text; its last part where it is long. */
  get text(): string {
    return Buffer.concat(this.#raw).subarray(-TEXT_BYTES).toString('latin1');
  }

  /** What has arrived since `restart` and was read, behind the frames that it began with; null: nothing. It is told once. */
  takeText(): Uint8Array | null {
    const bytes = withoutFrames(Buffer.concat(this.#raw));
    this.#raw = [];
    this.#rawBytes = 0;
    return bytes.length === 0 ? null : bytes;
  }

  /** Takes in what has arrived, for `text`. */
  async listen(timeoutMs: number): Promise<void> {
    await this.#read(timeoutMs);
  }

  #keep(bytes: Uint8Array): void {
    this.#raw.push(bytes);
    this.#rawBytes += bytes.length;
    while (this.#rawBytes - (this.#raw[0]?.length ?? 0) >= TEXT_BYTES) this.#rawBytes -= this.#raw.shift()?.length ?? 0;
  }

  async #read(timeoutMs: number): Promise<boolean> {
    const bytes = await this.link.read(timeoutMs, this.#signal);
    if (bytes === null) return false;
    this.#keep(bytes);
    this.#frames.push(...this.#decoder.push(bytes));
    return true;
  }
}

/** Behind the last answer of a loader comes what the application prints. */
function withoutFrames(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== END) return bytes;
  const end = bytes.indexOf(END, 1);
  return end === -1 ? bytes : withoutFrames(bytes.subarray(end + 1));
}
