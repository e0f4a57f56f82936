import { createServer, type Server, type Socket } from 'node:net';
import { sleep, type Timer } from '../../clock.ts';
import type { PycomFaults, PycomHost } from './pycom-spec.ts';

/** The servers take so many bytes in each of their turns. */
const TURN_BYTES = 512;
/** So many turns are taken at once, since no timer is as short as one. */
const TURNS_AT_ONCE = 8;

type UploadFault = NonNullable<PycomFaults['upload']>;

/** What came over a data connection, and how it ended. */
export interface Received {
  readonly bytes: Uint8Array;
  readonly end: 'whole' | 'timed-out' | 'write-failed' | 'mute' | 'died' | 'gone';
}

/** The data connection of a session: one at a time, opened by PASV, dead 10 s later where nobody comes. */
export class DataPort {
  readonly #host: PycomHost;
  readonly #control: { readonly busy: () => void; readonly free: () => void };
  #server: Server | null = null;
  #socket: Socket | null = null;
  #deadline: Timer | null = null;

  constructor(host: PycomHost, control: { readonly busy: () => void; readonly free: () => void }) {
    this.#host = host;
    this.#control = control;
  }

  get isConnected(): boolean {
    return this.#socket !== null && !this.#socket.destroyed;
  }

  /** Nothing else is heard from now on until somebody has connected, or nobody has in time. */
  async listen(isClosed: boolean): Promise<number> {
    this.close();
    const { clock, address, timings } = this.#host;
    this.#control.busy();
    this.#deadline = clock.setTimer(timings.dataTimeoutMs, () => this.#stopListening());
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      socket.on('error', () => undefined);
      this.#socket = socket;
      this.#stopListening();
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port: this.#host.spec.dataPort ?? 0, exclusive: true }, resolve);
    });
    const bound = server.address();
    if (isClosed) server.close();
    return typeof bound === 'object' && bound !== null ? bound.port : 0;
  }

  close(): void {
    this.#stopListening();
    this.#socket?.destroy();
    this.#socket = null;
  }

  send(bytes: Uint8Array, whenDone: () => void): void {
    const socket = this.#socket;
    if (socket === null) return;
    socket.resume();
    socket.end(bytes, () => {
      this.close();
      whenDone();
    });
  }

  /** Reads to the end of the data, or to where the fault lies. */
  async receive(fault: UploadFault | undefined): Promise<Received> {
    const socket = this.#socket;
    if (socket === null) return { bytes: new Uint8Array(0), end: 'gone' };
    const limitBytes = fault?.atByte ?? Number.POSITIVE_INFINITY;
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    while (sizeBytes < limitBytes) {
      const chunk = await this.#read(socket);
      if (chunk === 'timed-out') return this.#ended(chunks, 'timed-out');
      if (chunk === 'end') return this.#ended(chunks, 'whole');
      const taken = chunk.subarray(0, limitBytes - sizeBytes);
      chunks.push(taken);
      sizeBytes += taken.length;
    }
    return await this.#fail(socket, chunks, fault?.how ?? 'ends');
  }

  async #fail(socket: Socket, chunks: readonly Buffer[], how: UploadFault['how']): Promise<Received> {
    const { clock, timings } = this.#host;
    switch (how) {
      case 'stalls':
        await sleep(clock, timings.dataTimeoutMs);
        return this.#ended(chunks, 'timed-out');
      case 'mute':
        return { bytes: Buffer.concat(chunks), end: 'mute' };
      case 'fails':
        return this.#ended(chunks, 'write-failed');
      case 'ends':
        return this.#ended(chunks, 'whole');
      case 'resets':
        socket.resetAndDestroy();
        return this.#ended(chunks, 'whole');
      case 'dies':
        socket.resetAndDestroy();
        return this.#ended(chunks, 'died');
    }
  }

  /** A connection that broke is one that ended, to the device. */
  async #read(socket: Socket): Promise<Buffer | 'end' | 'timed-out'> {
    const { clock, timings } = this.#host;
    if (timings.turnMs > 0) await sleep(clock, timings.turnMs * TURNS_AT_ONCE);
    const endMs = clock.monotonic() + timings.dataTimeoutMs;
    for (;;) {
      const chunk: Buffer | null = socket.read(Math.min(socket.readableLength, TURN_BYTES * TURNS_AT_ONCE));
      if (chunk !== null && chunk.length > 0) return chunk;
      if (socket.readableEnded || socket.destroyed) return 'end';
      const remainingMs = endMs - clock.monotonic();
      if (remainingMs <= 0) return 'timed-out';
      await readable(socket, remainingMs, clock);
    }
  }

  #ended(chunks: readonly Buffer[], end: Received['end']): Received {
    this.close();
    return { bytes: Buffer.concat(chunks), end };
  }

  #stopListening(): void {
    this.#deadline?.cancel();
    this.#deadline = null;
    this.#server?.close();
    this.#server = null;
    this.#control.free();
  }
}

function readable(socket: Socket, withinMs: number, clock: PycomHost['clock']): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      timer.cancel();
      for (const event of ['readable', 'end', 'close'] as const) socket.removeListener(event, settle);
      resolve();
    };
    const timer = clock.setTimer(withinMs, settle);
    for (const event of ['readable', 'end', 'close'] as const) socket.once(event, settle);
  });
}
