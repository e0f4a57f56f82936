import type { Clock } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { StreamLink, StreamRead } from '../../transports/links.ts';
import type { AttemptObserver } from '../protocol.ts';
import { printable } from './codec.ts';
import {
  CAREFUL_BYTES,
  CAREFUL_CHUNK_BYTES,
  HELD_BACK_BYTES,
  LINE_QUIET_MS,
  PATIENCE_MS,
  QUIET_MS,
  SLOWEST_BYTES_PER_SECOND,
  TRANSFER_GRACE_MS,
  UNANSWERED_LIMIT_BYTES,
  WORDS_QUIET_MS,
  WORDS_WITHIN_MS,
} from './constants.ts';
import { CountReader } from './counts.ts';
import { bulkChunkBytes, type EspotaOptions } from './options.ts';
import { refusalCode } from './refusals.ts';
import { Replies } from './replies.ts';

/** One image and the connection that the device has made for it. */
export interface TransferContext {
  readonly bytes: Uint8Array;
  readonly stream: StreamLink;
  readonly options: EspotaOptions;
  /** 1 for the first attempt; later ones go in the device's own steps throughout. */
  readonly attempt: number;
  readonly clock: Clock;
  readonly observer: AttemptObserver;
  readonly signal: AbortSignal;
}

const PATIENTLY = { quietMs: PATIENCE_MS, unansweredBytes: UNANSWERED_LIMIT_BYTES } as const;

/**
 * Sends the image and waits for the device's `OK`. The last byte is held back until everything before it is with the device and
 * `commit` is journalled: until then a lost connection means that the device keeps what it had.
 *
 * @throws FlashError OTA_CONNECTION_LOST, OTA_STALLED or the code of the device's words; from `commit` on OTA_RESULT_LOST where nothing
 *   was said; before it the signal's reason
 */
export async function transfer(context: TransferContext): Promise<void> {
  const sender = new Sender(context);
  const { bytes, observer, signal } = context;
  const bodyBytes = bytes.length - HELD_BACK_BYTES;
  while (sender.sentBytes < bodyBytes) {
    const chunkBytes = Math.min(sender.nextChunkBytes(), bodyBytes - sender.sentBytes);
    // What the device still says of earlier chunks must not pass for an answer to the last one.
    if (sender.sentBytes + chunkBytes === bodyBytes) await sender.untilBehindBy(0, PATIENTLY);
    sender.send(chunkBytes);
    await sender.untilBehindBy(chunkBytes - 1, PATIENTLY);
  }
  await sender.untilBehindBy(0, { quietMs: QUIET_MS, unansweredBytes: 0 });
  signal.throwIfAborted();
  observer.onStep('commit');
  sender.send(HELD_BACK_BYTES);
  await sender.result();
}

class Sender {
  sentBytes = 0;
  readonly #context: TransferContext;
  readonly #replies = new Replies();
  readonly #endMs: number;
  /** By the device's counts, which can only be guessed at; never more than was sent. */
  readonly #counts = new CountReader();
  /** What was sent when the device last said anything. */
  #answeredBytes = 0;
  #lastLifeMs: number;
  #leastUnsentBytes = 0;

  constructor(context: TransferContext) {
    this.#context = context;
    this.#lastLifeMs = context.clock.monotonic();
    this.#endMs = this.#lastLifeMs + TRANSFER_GRACE_MS + (context.bytes.length / SLOWEST_BYTES_PER_SECOND) * 1000;
  }

  nextChunkBytes(): number {
    const { attempt, options } = this.#context;
    const isCareful = options.chunkBytes === null && (attempt > 1 || this.sentBytes < CAREFUL_BYTES);
    return isCareful ? CAREFUL_CHUNK_BYTES : bulkChunkBytes(options);
  }

  send(sizeBytes: number): void {
    const { bytes, observer, stream } = this.#context;
    stream.write(bytes.subarray(this.sentBytes, this.sentBytes + sizeBytes));
    this.sentBytes += sizeBytes;
    this.#counts.sent(this.sentBytes);
    this.#leastUnsentBytes = stream.unsentBytes;
    observer.onProgress(this.sentBytes, bytes.length);
  }

  /**
   * Returns when the device has read all but `behindBytes` of what was sent, by its counts. A device that is quiet for `quietMs` is as
   * far, if it has answered since, or if not more than `unansweredBytes` are waiting for an answer.
   */
  async untilBehindBy(
    behindBytes: number,
    { quietMs, unansweredBytes }: { readonly quietMs: number; readonly unansweredBytes: number },
  ): Promise<void> {
    while (this.sentBytes - this.#counts.countedBytes > behindBytes) {
      const got = await this.#read(Math.min(quietMs, this.#untilStallMs()));
      if (got === 'end') throw this.#lost('closed the connection');
      if (got !== 'timeout') {
        await this.#count(got);
        continue;
      }
      if (this.#untilStallMs() <= 0) throw this.#stalled();
      if (this.#answeredBytes === this.sentBytes) this.#counts.hasReadAll(this.sentBytes);
      if (this.sentBytes - this.#answeredBytes <= unansweredBytes) return;
    }
  }

  /** After the last byte. Nothing but counts and `OK` is success; silence and a lost connection leave the outcome open. */
  async result(): Promise<void> {
    const { clock, options, stream } = this.#context;
    const endMs = clock.monotonic() + options.resultWithinMs;
    for (;;) {
      const got = await this.#readToTheEnd(endMs - clock.monotonic());
      if (got === 'end') throw this.#resultLost('the connection ended');
      if (got === 'timeout') throw this.#resultLost(`it said nothing for ${options.resultWithinMs / 1000} s`);
      this.#replies.push(got);
      if (this.#replies.verdict === 'ok') return stream.close();
      if (this.#replies.verdict === 'words') throw await this.#refusalAfterCommit();
    }
  }

  /** Signs of life: a byte from the device, or its TCP taking bytes that had been waiting here. */
  #untilStallMs(): number {
    const { clock, options, stream } = this.#context;
    const nowMs = clock.monotonic();
    if (stream.unsentBytes < this.#leastUnsentBytes) {
      this.#leastUnsentBytes = stream.unsentBytes;
      this.#lastLifeMs = nowMs;
    }
    return Math.min(this.#lastLifeMs + options.stallAfterMs, this.#endMs) - nowMs;
  }

  async #read(timeoutMs: number): Promise<StreamRead> {
    const { signal, stream } = this.#context;
    try {
      return await stream.read(Math.max(0, timeoutMs), signal);
    } catch (error) {
      // Whoever asks for the stop may give an error of ours as the reason: it is not the connection's.
      signal.throwIfAborted();
      throw error instanceof FlashError ? this.#lost('broke the connection', error) : error;
    }
  }

  /** Without the signal: from `commit` on the result is awaited. */
  async #readToTheEnd(timeoutMs: number): Promise<StreamRead> {
    try {
      return await this.#context.stream.read(Math.max(0, timeoutMs));
    } catch (error) {
      if (error instanceof FlashError) return 'end';
      throw error;
    }
  }

  async #count(got: Uint8Array): Promise<void> {
    const digits = this.#replies.push(got);
    this.#lastLifeMs = this.#context.clock.monotonic();
    this.#answeredBytes = this.sentBytes;
    this.#counts.read(digits, this.sentBytes, this.#lastLifeMs);
    if (this.#replies.words !== '') throw await this.#refusalBeforeCommit();
    if (this.#untilStallMs() <= 0) throw this.#stalled();
  }

  async #allWords(): Promise<string> {
    const { clock } = this.#context;
    const endMs = clock.monotonic() + WORDS_WITHIN_MS;
    while (!this.#replies.isFull && clock.monotonic() < endMs) {
      const got = await this.#readToTheEnd(this.#replies.endsLine ? LINE_QUIET_MS : WORDS_QUIET_MS);
      if (got === 'timeout' || got === 'end') break;
      this.#replies.push(got);
    }
    return this.#replies.words;
  }

  async #refusalBeforeCommit(): Promise<FlashError> {
    const words = await this.#allWords();
    const code =
      refusalCode(words) ?? (isPlainText(words) && !words.includes('OK') ? 'OTA_REFUSED' : 'OTA_UNEXPECTED_ANSWER');
    return this.#spoken(code, words, 'write');
  }

  /** Words of no known kind that hold an `OK` or are no text leave open what became of the image. */
  async #refusalAfterCommit(): Promise<FlashError> {
    const words = await this.#allWords();
    const known = refusalCode(words);
    if (known !== null) return this.#spoken(known, words, 'commit');
    if (!isPlainText(words) || words.includes('OK')) return this.#resultLost(`it said "${printable(words)}"`);
    return this.#spoken('OTA_REFUSED', words, 'commit');
  }

  #spoken(code: ConstructorParameters<typeof FlashError>[0], words: string, step: 'write' | 'commit'): FlashError {
    const said = printable(words);
    return new FlashError(code, `the device said "${said}" after ${this.#soFar()}`, {
      step,
      details: { words: said, ...this.#numbers() },
    });
  }

  #lost(how: string, cause?: FlashError): FlashError {
    return new FlashError('OTA_CONNECTION_LOST', `the device ${how} after ${this.#soFar()}, without a word`, {
      cause,
      step: 'write',
      details: this.#numbers(),
    });
  }

  #stalled(): FlashError {
    const { clock, options } = this.#context;
    const isTooSlow = clock.monotonic() >= this.#endMs;
    const what = isTooSlow
      ? `the device takes less than ${SLOWEST_BYTES_PER_SECOND} bytes a second`
      : `the device was silent for ${options.stallAfterMs / 1000} s${this.#answeredBytes === 0 ? ' and had said nothing before' : ''}`;
    return new FlashError('OTA_STALLED', `${what}, after ${this.#soFar()}`, {
      step: 'write',
      details: this.#numbers(),
    });
  }

  #resultLost(how: string): FlashError {
    return new FlashError(
      'OTA_RESULT_LOST',
      `the device has all ${this.#context.bytes.length.toLocaleString('en-US')} bytes, but ${how}`,
      { step: 'commit', details: this.#numbers() },
    );
  }

  #soFar(): string {
    return `${this.sentBytes.toLocaleString('en-US')} of ${this.#context.bytes.length.toLocaleString('en-US')} bytes`;
  }

  #numbers(): { readonly sentBytes: number; readonly totalBytes: number } {
    return { sentBytes: this.sentBytes, totalBytes: this.#context.bytes.length };
  }
}

/** Text as a device prints it, as opposed to noise. */
function isPlainText(words: string): boolean {
  return /^[\t\r\n -~]+$/.test(words);
}
