import type { Clock } from '../clock.ts';
import { Wake } from './wake.ts';

/** Bytes on their way from a callback to one reader, and the error that ends them. */
export class Arrivals {
  readonly #clock: Clock;
  readonly #wake: Wake;
  #chunks: Uint8Array[] = [];
  #end: Error | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wake = new Wake(clock);
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#wake.ring();
  }

  /** From now on a read that finds nothing throws `error`; the first one stays. */
  end(error: Error): void {
    this.#end ??= error;
    this.#wake.ring();
  }

  get error(): Error | null {
    return this.#end;
  }

  discard(): void {
    this.#chunks = [];
  }

  /** All that is there, at least one byte; null after `timeoutMs`. Throws the error that ended it, or the signal's reason. */
  async read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null> {
    const endMs = this.#clock.monotonic() + timeoutMs;
    for (;;) {
      const [first] = this.#chunks;
      if (first !== undefined) {
        const bytes = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
        this.#chunks = [];
        return bytes;
      }
      if (this.#end !== null) throw this.#end;
      const remainingMs = endMs - this.#clock.monotonic();
      if (remainingMs <= 0 || !(await this.#wake.sleep(remainingMs, signal))) return null;
    }
  }
}
