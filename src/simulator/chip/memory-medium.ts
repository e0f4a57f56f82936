import type { HostListener, Medium, PortAddress } from './medium.ts';
import type { ControlLines } from './reset-circuit.ts';

/** What a program in this process does with a port that it has opened. */
export interface MemoryPort {
  write(bytes: Uint8Array): void;
  setLines(lines: Partial<ControlLines>): void;
  setBaudRate(baudRate: number): void;
  close(): void;
}

/** What the host hears of a port that is open. */
export interface MemoryPortEvents {
  onData(bytes: Uint8Array): void;
  /** The board was unplugged. */
  onGone(): void;
}

/** A port within this process: a duplex of bytes with control lines. */
export class MemoryMedium implements Medium {
  readonly address: PortAddress = { kind: 'memory' };
  readonly hasLines = true;
  readonly #host: HostListener;
  #isPlugged = true;
  #open: MemoryPortEvents | null = null;

  constructor(host: HostListener) {
    this.#host = host;
  }

  /** Throws where the board is unplugged, or another program has the port. */
  open(baudRate: number, events: MemoryPortEvents): MemoryPort {
    if (!this.#isPlugged) throw new Error('the port does not exist');
    if (this.#open !== null) throw new Error('the port is in use');
    this.#open = events;
    this.#host.baudRateSet(baudRate);
    this.#host.opened();
    const whenOpen = (act: () => void) => {
      if (this.#open === events) act();
    };
    return {
      write: (bytes) => whenOpen(() => this.#host.received(bytes)),
      setLines: (lines) => whenOpen(() => this.#host.linesSet(lines)),
      setBaudRate: (rate) => whenOpen(() => this.#host.baudRateSet(rate)),
      close: () => whenOpen(() => this.#letGo()),
    };
  }

  deliver(bytes: Uint8Array): void {
    this.#open?.onData(bytes);
  }

  unplug(): Promise<void> {
    this.#isPlugged = false;
    const events = this.#open;
    this.#open = null;
    events?.onGone();
    return Promise.resolve();
  }

  plug(): Promise<void> {
    this.#isPlugged = true;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.unplug();
  }

  #letGo(): void {
    this.#open = null;
  }
}
