import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { StreamLink, StreamRead } from './links.ts';
import { Wake } from './wake.ts';

/** Reading pauses here; TCP then holds the sender back. */
const QUEUE_LIMIT_BYTES = 64 * 1024;

/** A connected TCP socket as a {@link StreamLink}. Takes over the socket. */
export class TcpStream implements StreamLink {
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #wake: Wake;
  #arrived: Uint8Array[] = [];
  #arrivedBytes = 0;
  #state: 'open' | 'ended' | 'lost' = 'open';
  #loss: Error | undefined;
  #isLetGo = false;

  constructor(socket: Socket, remoteAddress: string, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.#wake = new Wake(clock);
    this.remoteAddress = remoteAddress;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('end', () => this.#change('ended'));
    socket.on('error', (error) => {
      this.#loss = error;
      this.#change('lost');
    });
    socket.on('close', () => this.#change('lost'));
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== 'lost' && this.#socket.writable) this.#socket.write(bytes);
  }

  async read(timeoutMs: number, signal?: AbortSignal): Promise<StreamRead> {
    const endMs = this.#clock.monotonic() + timeoutMs;
    for (;;) {
      if (this.#arrivedBytes > 0) return this.#give();
      if (this.#state === 'ended') return 'end';
      if (this.#state === 'lost') throw this.#lossError();
      const remainingMs = endMs - this.#clock.monotonic();
      if (remainingMs <= 0 || !(await this.#wake.sleep(remainingMs, signal))) return 'timeout';
    }
  }

  end(): void {
    this.#socket.end();
  }

  close(): void {
    if (this.#isLetGo) return;
    this.#isLetGo = true;
    // What the device still says is of no interest, but unread bytes would turn the close into a reset.
    this.#socket.removeAllListeners('data').resume();
    this.#socket.end(() => this.#socket.destroySoon());
  }

  destroy(): void {
    if (this.#isLetGo) return;
    this.#isLetGo = true;
    this.#socket.resetAndDestroy();
  }

  #take(bytes: Uint8Array): void {
    this.#arrived.push(bytes);
    this.#arrivedBytes += bytes.length;
    if (this.#arrivedBytes >= QUEUE_LIMIT_BYTES) this.#socket.pause();
    this.#wake.ring();
  }

  #give(): Uint8Array {
    const bytes = Buffer.concat(this.#arrived);
    this.#arrived = [];
    this.#arrivedBytes = 0;
    this.#socket.resume();
    return bytes;
  }

  /** An orderly end stays one, whatever becomes of the socket afterwards. */
  #change(state: 'ended' | 'lost'): void {
    if (this.#state === 'open') this.#state = state;
    this.#wake.ring();
  }

  #lossError(): FlashError {
    const why = (this.#loss as NodeJS.ErrnoException | undefined)?.code ?? 'closed';
    return new FlashError('LINK_CLOSED', `the connection from ${this.remoteAddress} broke (${why})`, {
      cause: this.#loss,
    });
  }
}
