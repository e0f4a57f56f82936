import type { ControlLines } from '../../../src/transports/links.ts';
import type { SerialBinding, SerialBindingOptions, SerialBindingPort } from '../../../src/transports/serial.ts';

/** A port in memory, as a serialport binding shows it: records what is set, and lets a test play the other end. */
export class MemoryBinding implements SerialBinding {
  readonly opened: SerialBindingOptions[] = [];
  readonly lines: ControlLines[] = [];
  readonly written: Buffer[] = [];
  readonly baudRates: number[] = [];
  isClosed = false;
  /** What each call does instead of its work. */
  trouble: Partial<Record<'open' | 'write' | 'set' | 'update' | 'close', () => Promise<never>>> = {};
  #arrived: Buffer[] = [];
  #wake: (() => void) | null = null;
  #loss: Error | null = null;

  async open(options: SerialBindingOptions): Promise<SerialBindingPort> {
    await this.trouble.open?.();
    this.opened.push(options);
    return {
      read: (buffer, offset, length) => this.#read(buffer, offset, length),
      write: async (bytes) => {
        await this.trouble.write?.();
        this.written.push(Buffer.from(bytes));
      },
      set: async ({ dtr, rts }) => {
        await this.trouble.set?.();
        this.lines.push({ dtr, rts });
      },
      update: async ({ baudRate }) => {
        await this.trouble.update?.();
        this.baudRates.push(baudRate);
      },
      close: async () => {
        await this.trouble.close?.();
        this.isClosed = true;
        this.lose(new Error('canceled'));
      },
    };
  }

  /** The other end says something. */
  say(bytes: Uint8Array): void {
    this.#arrived.push(Buffer.from(bytes));
    this.#wake?.();
  }

  /** The device behind the port is pulled out. */
  lose(error: Error): void {
    this.#loss = error;
    this.#wake?.();
  }

  async #read(buffer: Buffer, offset: number, length: number): Promise<{ bytesRead: number }> {
    for (;;) {
      const bytes = this.#arrived.shift();
      if (bytes !== undefined) return { bytesRead: bytes.copy(buffer, offset, 0, Math.min(length, bytes.length)) };
      if (this.#loss !== null) throw this.#loss;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
