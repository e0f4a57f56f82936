import { setTimeout as pause } from 'node:timers/promises';
import { type OpenOptions, SerialPortStream } from '@serialport/stream';

/** As much of the Web Serial API as esptool-js uses, over a port of serialport (WICG, "Web Serial API"). */
export class WebSerialPort {
  readonly #options: Pick<OpenOptions, 'binding' | 'path'>;
  readonly #settleMs: number;
  #stream: SerialPortStream | null = null;
  #signals = { dtr: false, rts: false };
  readable: ReadableStream<Uint8Array> | null = null;
  writable: WritableStream<Uint8Array> | null = null;

  /** `settleMs`: for so long after its opening nobody listens, so that a board that restarts then has said its boot text. */
  constructor(options: Pick<OpenOptions, 'binding' | 'path'>, settleMs = 0) {
    this.#options = options;
    this.#settleMs = settleMs;
  }

  getInfo(): { usbVendorId?: number; usbProductId?: number } {
    return {};
  }

  async open({ baudRate }: { baudRate: number }): Promise<void> {
    const stream = new SerialPortStream({ ...this.#options, baudRate, autoOpen: false });
    await called((done) => stream.open(done));
    stream.resume();
    await pause(this.#settleMs);
    this.#stream = stream;
    this.readable = new ReadableStream({
      start: (controller) => {
        stream.on('data', (bytes: Buffer) => controller.enqueue(Uint8Array.from(bytes)));
        stream.once('close', () => closeQuietly(controller));
      },
      // The port stays open a while longer; what comes then has no reader.
      cancel: () => {
        stream.removeAllListeners('data').resume();
      },
    });
    this.writable = new WritableStream({
      write: (bytes) => called((done) => stream.write(Buffer.from(bytes), (cause) => done(cause ?? null))),
    });
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = null;
    this.readable = null;
    this.writable = null;
    if (stream?.isOpen) await called((done) => stream.close(done));
  }

  /** Web Serial leaves a line that is not named as it is. A pseudo-terminal has none. */
  async setSignals({ dataTerminalReady, requestToSend }: SerialSignals): Promise<void> {
    this.#signals = { dtr: dataTerminalReady ?? this.#signals.dtr, rts: requestToSend ?? this.#signals.rts };
    const stream = this.#stream;
    if (stream === null) throw new Error('the port is not open');
    await called((done) => stream.set(this.#signals, done)).catch((cause: unknown) => {
      if (!(cause instanceof Error && cause.message.includes('Inappropriate ioctl'))) throw cause;
    });
  }

  /** Not of Web Serial: esptool-js uses it where a port has it, in place of closing and opening. */
  async setBaudRate(baudRate: number): Promise<void> {
    const stream = this.#stream;
    if (stream === null) throw new Error('the port is not open');
    await called((done) => stream.update({ baudRate }, done));
  }
}

interface SerialSignals {
  readonly dataTerminalReady?: boolean;
  readonly requestToSend?: boolean;
}

function called(call: (done: (cause: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => call((cause) => (cause ? reject(cause) : resolve())));
}

function closeQuietly(controller: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    controller.close();
  } catch {
    // The reader has cancelled it already.
  }
}
