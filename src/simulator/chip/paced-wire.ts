import type { Clock, Timer } from '../../clock.ts';
import { BITS_PER_BYTE } from './waveform.ts';

interface Batch {
  readonly bytes: Uint8Array;
  readonly baudRate: number;
  taken: number;
}

/** How much of what is under way comes out together. */
const SLICE_MS = 4;
/** Timers may fire a fraction of a millisecond early. */
const EARLY_MS = 0.5;

/** One direction of a serial line: bytes come out one after the other, each when its last bit is through. */
export class PacedWire {
  readonly #clock: Clock;
  readonly #deliver: (bytes: Uint8Array, baudRate: number) => void;
  readonly #batches: Batch[] = [];
  /** Until when the bytes before the next one to deliver occupy the line. */
  #freeAtMs = 0;
  #timer: Timer | null = null;

  constructor(clock: Clock, deliver: (bytes: Uint8Array, baudRate: number) => void) {
    this.#clock = clock;
    this.#deliver = deliver;
  }

  push(bytes: Uint8Array, baudRate: number): void {
    if (bytes.length === 0) return;
    if (this.#batches.length === 0) this.#freeAtMs = Math.max(this.#freeAtMs, this.#clock.monotonic());
    this.#batches.push({ bytes, baudRate, taken: 0 });
    this.#arm();
  }

  /** What is under way is lost. */
  clear(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#batches.length = 0;
  }

  #arm(): void {
    const next = this.#batches[0];
    if (this.#timer !== null || next === undefined) return;
    const wholeMs = (next.bytes.length - next.taken) * byteMs(next.baudRate);
    const dueMs = this.#freeAtMs + Math.min(SLICE_MS, wholeMs);
    this.#timer = this.#clock.setTimer(Math.max(0, dueMs - this.#clock.monotonic()), () => {
      this.#timer = null;
      this.#release();
      this.#arm();
    });
  }

  #release(): void {
    const nowMs = this.#clock.monotonic() + EARLY_MS;
    for (let next = this.#batches[0]; next !== undefined; next = this.#batches[0]) {
      const perByte = byteMs(next.baudRate);
      const through = Math.min(next.bytes.length - next.taken, Math.floor((nowMs - this.#freeAtMs) / perByte));
      if (through <= 0) return;
      const slice = next.bytes.subarray(next.taken, next.taken + through);
      next.taken += through;
      this.#freeAtMs += through * perByte;
      if (next.taken === next.bytes.length) this.#batches.shift();
      this.#deliver(slice, next.baudRate);
    }
  }
}

function byteMs(baudRate: number): number {
  return (BITS_PER_BYTE * 1000) / baudRate;
}
