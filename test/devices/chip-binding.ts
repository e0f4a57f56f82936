import type { OpenOptions } from '@serialport/stream';
import type { SimulatedBoard } from '../../src/simulator/chip/board.ts';
import { MemoryMedium, type MemoryPort } from '../../src/simulator/chip/memory-medium.ts';

/** A binding of serialport: the package with the interface does not resolve under NodeNext, this one does. */
export type SerialBinding = OpenOptions['binding'];
type BindingPort = Awaited<ReturnType<SerialBinding['open']>>;
type PortOptions = Parameters<SerialBinding['open']>[0];

/** The path at which {@link chipBinding} has the board of this name. */
export function chipPath(name: string): string {
  return `/dev/sim-${name}`;
}

/** Opens simulated boards that are in memory as serialport would open a port with control lines. */
export function chipBinding(boards: readonly SimulatedBoard[]): SerialBinding {
  return {
    list: async () =>
      boards.map(({ name }) => ({
        path: chipPath(name),
        manufacturer: undefined,
        serialNumber: undefined,
        pnpId: undefined,
        locationId: undefined,
        productId: undefined,
        vendorId: undefined,
      })),
    open: async (options) => {
      const medium = boards.find(({ name }) => chipPath(name) === options.path)?.medium;
      if (!(medium instanceof MemoryMedium)) {
        throw new Error(`Error: No such file or directory, cannot open ${options.path}`);
      }
      return new ChipPort(medium, options);
    },
  };
}

interface PendingRead {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly length: number;
  readonly resolve: (result: { buffer: Buffer; bytesRead: number }) => void;
  readonly reject: (cause: Error) => void;
}

class ChipPort implements BindingPort {
  readonly openOptions: BindingPort['openOptions'];
  isOpen = true;
  readonly #port: MemoryPort;
  #waiting = Buffer.alloc(0);
  #pending: PendingRead | null = null;
  #baudRate: number;

  constructor(medium: MemoryMedium, options: PortOptions) {
    this.openOptions = {
      dataBits: 8,
      lock: true,
      stopBits: 1,
      parity: 'none',
      rtscts: false,
      xon: false,
      xoff: false,
      xany: false,
      hupcl: true,
      ...options,
    };
    this.#baudRate = options.baudRate;
    this.#port = medium.open(options.baudRate, {
      onData: (bytes) => {
        this.#waiting = Buffer.concat([this.#waiting, bytes]);
        this.#serve();
      },
      onGone: () => this.#end(new Error('Error: Input/output error, cannot read')),
    });
    // Opening a tty on Linux asserts both lines, which two transistors make nothing of.
    this.#port.setLines({ dtr: true, rts: true });
  }

  read(buffer: Buffer, offset: number, length: number): Promise<{ buffer: Buffer; bytesRead: number }> {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) return reject(new Error('Port is not open'));
      this.#pending = { buffer, offset, length, resolve, reject };
      this.#serve();
    });
  }

  async write(buffer: Buffer): Promise<void> {
    if (!this.isOpen) throw new Error('Port is not open');
    // The driver has bytes of its own; the caller may use its buffer again.
    this.#port.write(Uint8Array.from(buffer));
  }

  async update({ baudRate }: { baudRate: number }): Promise<void> {
    this.#baudRate = baudRate;
    this.#port.setBaudRate(baudRate);
  }

  /** Like serialport: a line that is not named gets its default. */
  async set({ dtr = true, rts = true }: { dtr?: boolean; rts?: boolean }): Promise<void> {
    this.#port.setLines({ dtr, rts });
  }

  async get() {
    return { cts: true, dsr: true, dcd: true };
  }

  async getBaudRate() {
    return { baudRate: this.#baudRate };
  }

  async flush(): Promise<void> {
    this.#waiting = Buffer.alloc(0);
  }

  async drain(): Promise<void> {
    await Promise.resolve();
  }

  async close(): Promise<void> {
    if (!this.isOpen) throw new Error('Port is not open');
    if (this.openOptions.hupcl) this.#port.setLines({ dtr: false, rts: false });
    this.#port.close();
    this.#end(Object.assign(new Error('Canceled'), { canceled: true }));
  }

  #serve(): void {
    const read = this.#pending;
    if (read === null || this.#waiting.length === 0) return;
    const bytesRead = this.#waiting.copy(read.buffer, read.offset, 0, read.length);
    this.#waiting = this.#waiting.subarray(bytesRead);
    this.#pending = null;
    // The real one answers from another thread, never within the call.
    setImmediate(() => read.resolve({ buffer: read.buffer, bytesRead }));
  }

  #end(cause: Error): void {
    this.isOpen = false;
    this.#pending?.reject(cause);
    this.#pending = null;
  }
}
