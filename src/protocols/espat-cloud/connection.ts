import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../clock.ts';
import { HANG_UP_WITHIN_MS, STALL_AFTER_MS } from './constants.ts';
import { type Question, readRequest } from './request.ts';

/** What is answered on a connection. Null of the decision: nothing at all, the connection is reset. */
export interface Answer {
  /** Head and body, if any, in one piece. */
  readonly bytes: Uint8Array;
  /** Whether the peer is expected to hang up first, which shows that it has read to the end. */
  readonly isDownload: boolean;
  onProgress?(writtenBytes: number): void;
}

/** How long a request may take to arrive, and an answer to leave. */
export interface ConnectionTimes {
  readonly requestMs: number;
  readonly downloadMs: number;
}

/** What one connection is served with; it knows nothing of releases. */
export interface ConnectionParts {
  readonly clock: Clock;
  readonly times: ConnectionTimes;
  decide(question: Question): Promise<Answer | null>;
  /** A connection on which nothing was answered; `reason` is for people. */
  onRefused(reason: string): void;
  /** The end of an answer. `whole`: all of it was taken by the system, and the peer ended the connection in order. */
  onAnswered(end: { readonly whole: boolean; readonly writtenBytes: number; readonly reason: string }): void;
}

/** Written at a time, so that it can be told how far a slow module has come. */
const CHUNK_BYTES = 32 * 1024;
/** The last chunk is never so short that the CRC at its end could be torn. */
const SHORTEST_CHUNK = 4 * 1024;

/** One request, one answer, in one connection; whatever is not a question ends it with a reset and without a byte. */
export function serveConnection(socket: Socket, parts: ConnectionParts): void {
  new Connection(socket, parts).start();
}

class Connection {
  readonly #socket: Socket;
  readonly #parts: ConnectionParts;
  #arrived: Buffer = Buffer.alloc(0);
  #state: 'reading' | 'deciding' | 'answering' | 'over' = 'reading';
  #deadline: Timer;
  #hasPeerEnded = false;
  #answer: Answer | null = null;
  #writtenBytes = 0;

  constructor(socket: Socket, parts: ConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#deadline = parts.clock.setTimer(parts.times.requestMs, () =>
      this.#refuse('its request did not come in time'),
    );
  }

  start(): void {
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('end', () => this.#peerEnded());
    socket.on('error', () => this.#end(false, 'the connection broke'));
    socket.on('close', () => this.#end(this.#isWritten(), 'the connection was closed'));
  }

  #take(bytes: Buffer): void {
    // What comes behind the request is no business of an answer that is on its way.
    if (this.#state === 'deciding') this.#refuse('something follows its request');
    if (this.#state !== 'reading') return;
    this.#arrived = Buffer.concat([this.#arrived, bytes]);
    const reading = readRequest(this.#arrived);
    if (reading.kind === 'refused') this.#refuse(reading.reason);
    if (reading.kind === 'question') void this.#decide(reading.question);
  }

  async #decide(question: Question): Promise<void> {
    this.#state = 'deciding';
    const answer = await this.#parts.decide(question).catch(() => null);
    if (this.#state !== 'deciding') return;
    if (answer === null) this.#refuse(null);
    else this.#send(answer);
  }

  #send(answer: Answer): void {
    const { clock, times } = this.#parts;
    this.#state = 'answering';
    this.#answer = answer;
    this.#deadline.cancel();
    const limitMs = answer.isDownload ? times.downloadMs : times.requestMs;
    this.#deadline = clock.setTimer(limitMs, () => this.#abort('it took too long'));
    this.#socket.setTimeout(STALL_AFTER_MS, () => this.#abort('it stopped taking bytes'));
    this.#writeNext(answer);
  }

  #writeNext(answer: Answer): void {
    const rest = answer.bytes.length - this.#writtenBytes;
    const chunkBytes = rest < CHUNK_BYTES + SHORTEST_CHUNK ? rest : CHUNK_BYTES;
    const chunk = answer.bytes.subarray(this.#writtenBytes, this.#writtenBytes + chunkBytes);
    this.#socket.write(chunk, (error) => {
      if (error || this.#state !== 'answering') return;
      this.#writtenBytes += chunkBytes;
      answer.onProgress?.(this.#writtenBytes);
      if (this.#isWritten()) this.#allWritten(answer);
      else this.#writeNext(answer);
    });
  }

  /** Modules hang up when they have as many bytes as were announced; others are hung up on. */
  #allWritten({ isDownload }: Answer): void {
    if (this.#hasPeerEnded || !isDownload) return void this.#socket.end();
    this.#deadline.cancel();
    this.#deadline = this.#parts.clock.setTimer(HANG_UP_WITHIN_MS, () => this.#socket.end());
  }

  #peerEnded(): void {
    this.#hasPeerEnded = true;
    if (this.#state === 'reading') this.#refuse('it hung up before its request was complete');
    if (this.#state === 'answering' && this.#isWritten()) this.#socket.end();
  }

  #isWritten(): boolean {
    return this.#answer !== null && this.#writtenBytes === this.#answer.bytes.length;
  }

  #refuse(reason: string | null): void {
    if (this.#state === 'over') return;
    this.#finish();
    if (reason !== null) this.#parts.onRefused(reason);
    this.#socket.resetAndDestroy();
  }

  #abort(reason: string): void {
    this.#end(false, reason);
    this.#socket.resetAndDestroy();
  }

  #end(whole: boolean, reason: string): void {
    if (this.#state === 'over') return;
    const wasAnswering = this.#answer !== null;
    const wasReading = this.#state === 'reading';
    this.#finish();
    if (wasAnswering) this.#parts.onAnswered({ whole, writtenBytes: this.#writtenBytes, reason });
    else if (wasReading && this.#arrived.length > 0) this.#parts.onRefused(reason);
  }

  #finish(): void {
    this.#state = 'over';
    this.#deadline.cancel();
  }
}
