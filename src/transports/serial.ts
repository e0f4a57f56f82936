import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import { Arrivals } from './arrivals.ts';
import type { ControlLines, SerialLink, SerialTarget } from './links.ts';
import { portHolders } from './port-holder.ts';
import { hasNoLines, heldError, lostError, openError, stuckError } from './serial-errors.ts';
import { within } from './within.ts';

/**
 * What is used of a serialport binding (`@serialport/bindings-interface`, which does not resolve under NodeNext). The binding is used
 * without serialport's stream around it: that one buffers writes to a port that is gone and never answers them.
 */
export interface SerialBinding {
  open(options: SerialBindingOptions): Promise<SerialBindingPort>;
}

/** What the binding of `serialport` is opened with. */
export interface SerialBindingOptions {
  readonly path: string;
  readonly baudRate: number;
  readonly lock: boolean;
  /** Whether the system drops both lines when the port is closed. */
  readonly hupcl: boolean;
}

/** What is used of a port of the binding. */
export interface SerialBindingPort {
  /** At least one byte; rejects when the port is closed or gone. 0 bytes are the end of the device. */
  read(buffer: Buffer, offset: number, length: number): Promise<{ readonly bytesRead: number }>;
  write(buffer: Buffer): Promise<void>;
  /** Sets every line: one that is not named gets a default of the binding. */
  set(lines: ControlLines & { readonly brk: boolean; readonly cts: boolean }): Promise<void>;
  update(options: { readonly baudRate: number }): Promise<void>;
  close(): Promise<void>;
}

const OPEN_LIMIT_MS = 5_000;
const CALL_LIMIT_MS = 3_000;
/** A write that takes this much longer than its bytes need on the wire has stopped, flow control or not. */
const WRITE_SLACK_MS = 5_000;
const WRITE_FACTOR = 4;
const BITS_PER_BYTE = 10;
const READ_BUFFER_BYTES = 64 * 1024;

/**
 * Opens a port of this machine: 8N1, no flow control, locked against others, and left alone when closed (no HUPCL: dropping the lines
 * resets boards that have RTS wired straight to EN).
 *
 * @throws FlashError SERIAL_PORT_NOT_FOUND, SERIAL_PORT_DENIED, SERIAL_PORT_BUSY, SERIAL_PORT_FAILED, SERIAL_PORT_STUCK
 */
export async function openSerialPort(target: SerialTarget, binding: SerialBinding, clock: Clock): Promise<SerialLink> {
  const { path, baudRate } = target;
  const opening = binding.open({ path, baudRate, lock: true, hupcl: false });
  try {
    const port = await within(clock, OPEN_LIMIT_MS, opening, () => stuckError(path, 'opening it', OPEN_LIMIT_MS));
    return new SerialPortLink(port, target, clock);
  } catch (cause) {
    if (cause instanceof FlashError) {
      // A driver that answers too late must not leave the port open behind our back.
      opening.then((port) => port.close()).catch(() => undefined);
      throw cause;
    }
    const refusal = openError(path, cause);
    const holders = refusal.code === 'SERIAL_PORT_BUSY' ? await portHolders(path) : [];
    throw holders.length > 0 ? heldError(path, holders, cause) : refusal;
  }
}

class SerialPortLink implements SerialLink {
  readonly path: string;
  readonly hasBaudRate = true;
  readonly #port: SerialBindingPort;
  readonly #clock: Clock;
  readonly #arrivals: Arrivals;
  #baudRate: number;
  #closing: Promise<void> | null = null;

  constructor(port: SerialBindingPort, { path, baudRate }: SerialTarget, clock: Clock) {
    this.#port = port;
    this.path = path;
    this.#baudRate = baudRate;
    this.#clock = clock;
    this.#arrivals = new Arrivals(clock);
    void this.#listen();
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#throwIfGone();
    const wireMs = (bytes.length * BITS_PER_BYTE * 1000) / this.#baudRate;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    await this.#call('a write', this.#port.write(buffer), WRITE_SLACK_MS + wireMs * WRITE_FACTOR);
  }

  read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null> {
    return this.#arrivals.read(timeoutMs, signal);
  }

  async setLines({ dtr, rts }: ControlLines): Promise<boolean> {
    this.#throwIfGone();
    try {
      await this.#call('setting its control lines', this.#port.set({ dtr, rts, brk: false, cts: false }));
      return true;
    } catch (error) {
      if (error instanceof FlashError && hasNoLines(error.cause)) return false;
      throw error;
    }
  }

  async setBaudRate(baudRate: number): Promise<void> {
    this.#throwIfGone();
    const update = this.#port.update({ baudRate }).catch((cause: unknown) => {
      throw new FlashError('SERIAL_BAUD_REFUSED', `${this.path}: the port refuses ${baudRate} baud`, { cause });
    });
    await this.#call('setting its baud rate', update);
    this.#baudRate = baudRate;
  }

  discardInput(): void {
    this.#arrivals.discard();
  }

  close(): Promise<void> {
    this.#closing ??= this.#call('closing it', this.#port.close()).catch(() => undefined);
    return this.#closing;
  }

  async #listen(): Promise<void> {
    const buffer = Buffer.allocUnsafe(READ_BUFFER_BYTES);
    try {
      for (;;) {
        const { bytesRead } = await this.#port.read(buffer, 0, buffer.length);
        if (bytesRead === 0) return this.#arrivals.end(lostError(this.path, null));
        this.#arrivals.push(Buffer.from(buffer.subarray(0, bytesRead)));
      }
    } catch (cause) {
      this.#arrivals.end(lostError(this.path, cause));
    }
  }

  async #call<T>(what: string, work: Promise<T>, limitMs = CALL_LIMIT_MS): Promise<T> {
    try {
      return await within(this.#clock, limitMs, work, () => stuckError(this.path, what, limitMs));
    } catch (cause) {
      throw cause instanceof FlashError ? cause : lostError(this.path, cause);
    }
  }

  #throwIfGone(): void {
    if (this.#arrivals.error !== null) throw this.#arrivals.error;
  }
}
