import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../../clock.ts';

/** What is handed to the system at a time: little, so that what has left can be told from what lies about. */
const CHUNK_BYTES = 4096;

/** A modem with a serial line of 2,400 baud still takes a byte in so long, milliseconds. */
const SLOWEST_BYTE_MS = 5;

/** How a transfer ended. `whole`: the last byte was handed over, and after that the device closed its end in order. */
export type TransferEnd =
  | { readonly kind: 'whole' }
  | { readonly kind: 'broken'; readonly sentBytes: number; readonly why: string };

/** How long a transfer may stand still. */
export interface TransferLimits {
  readonly clock: Clock;
  /** How long nothing at all may move, beyond what the bytes themselves take on the slowest line. */
  readonly idleMs: number;
}

/** Sends bytes down a data connection, which is the transfer's alone. */
export class Transfer {
  readonly #socket: Socket;
  readonly #bytes: Uint8Array;
  readonly #limits: TransferLimits;
  readonly #onProgress: (sentBytes: number) => void;
  readonly #end: Promise<TransferEnd>;
  #finish: (end: TransferEnd) => void = () => undefined;
  #timer: Timer | null = null;
  #sent = 0;
  #isHandedOver = false;

  constructor(socket: Socket, bytes: Uint8Array, limits: TransferLimits, onProgress: (sentBytes: number) => void) {
    this.#socket = socket;
    this.#bytes = bytes;
    this.#limits = limits;
    this.#onProgress = onProgress;
    this.#end = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** Resolves when the last byte is handed to the system: what other servers call complete. Rejects never; false: it broke off before. */
  run(): Promise<boolean> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      const breakOff = (why: string): void => {
        this.#timer?.cancel();
        socket.destroy();
        this.#finish({ kind: 'broken', sentBytes: this.#sent, why });
        resolve(false);
      };
      const onStall = (): void => breakOff('nothing moved any more');
      this.#watch(onStall);
      socket.on('error', (error) => breakOff(`the data connection failed: ${error.message}`));
      socket.on('end', () => {
        if (!this.#isHandedOver) breakOff('the device closed the data connection before the last byte had left');
      });
      socket.on('close', () => {
        this.#timer?.cancel();
        if (this.#isHandedOver) this.#finish({ kind: 'whole' });
        else breakOff('the data connection was closed');
      });
      if (socket.destroyed) breakOff('the data connection was closed');
      // What a device sends here is not for anyone; its end is.
      socket.resume();
      this.#pump(onStall, () => resolve(true));
    });
  }

  /** How it ended, once the device has closed its end too. */
  ended(): Promise<TransferEnd> {
    return this.#end;
  }

  abort(why: string): void {
    this.#socket.destroy(new Error(why));
  }

  #pump(onStall: () => void, onHandedOver: () => void): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (this.#sent === this.#bytes.length) {
      socket.end(() => {
        this.#isHandedOver = true;
        onHandedOver();
      });
      return;
    }
    const chunk = this.#bytes.subarray(this.#sent, this.#sent + CHUNK_BYTES);
    socket.write(chunk, (error) => {
      if (error) return;
      this.#sent += chunk.length;
      this.#onProgress(this.#sent);
      this.#watch(onStall);
      this.#pump(onStall, onHandedOver);
    });
  }

  /** What lies in the system's buffers leaves unseen: the whole size is allowed for, at the slowest. */
  #watch(onStall: () => void): void {
    this.#timer?.cancel();
    const { clock, idleMs } = this.#limits;
    this.#timer = clock.setTimer(idleMs + this.#bytes.length * SLOWEST_BYTE_MS, onStall);
  }
}
