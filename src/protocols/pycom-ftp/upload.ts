import { type ErrorCode, FlashError } from '../../errors.ts';
import type { StreamLink } from '../../transports/links.ts';
import type { AttemptObserver } from '../protocol.ts';
import { type FtpReply, passivePort } from './codec.ts';
import {
  CHUNK_BYTES,
  DATA_CONNECT_WITHIN_MS,
  DATA_END_WITHIN_MS,
  HELD_BACK_BYTES,
  type IMAGE_PATH,
  LOOK_MS,
  QUIET_MS,
  Reply,
  SLOWEST_BYTES_PER_SECOND,
  UNSENT_LIMIT_BYTES,
  WORDS_WITHIN_MS,
} from './constants.ts';
import { type Conversation, signalOf } from './conversation.ts';
import type { FtpControl } from './ftp.ts';

/** One image and the FTP session that it goes over, logged in. */
export interface UploadContext {
  readonly conversation: Conversation;
  readonly control: FtpControl;
  readonly bytes: Uint8Array;
  readonly path: (typeof IMAGE_PATH)[keyof typeof IMAGE_PATH];
  /** A second upload before a restart would be rejected at that restart. */
  readonly isOnlyChance: boolean;
  readonly observer: AttemptObserver;
}

/**
 * Sends the image into the other slot of the device. The device says 226 whatever it got, and marks what it got for the next start: so
 * this side counts, and sees to it that the last byte leaves, and the connection ends, only when nothing speaks against it.
 *
 * @throws FlashError PYCOM_NO_DATA_CONNECTION, PYCOM_SESSION_LOST before anything was sent; PYCOM_SLOT_NOT_ERASED, PYCOM_UPLOAD_BROKEN,
 *   PYCOM_STALLED, PYCOM_FLASH_FAILED, or PYCOM_POWER_CYCLE in their place; PYCOM_RESULT_LOST; before `commit` the signal's reason
 */
export async function upload(context: UploadContext): Promise<void> {
  const data = await openData(context);
  const transfer = new Transfer(context, data);
  try {
    await transfer.begin();
    await transfer.sendBody();
    await transfer.finish();
    data.close();
  } finally {
    data.destroy();
  }
}

/** The data connection stands before STOR is sent: without it the device erases its slot for nothing, and may mark it. */
async function openData({ control, conversation }: UploadContext): Promise<StreamLink> {
  const { links, signal } = conversation;
  const reply = await control.ask('PASV', undefined, signal);
  const port = reply.code === Reply.PASSIVE ? passivePort(reply.text) : null;
  if (port === null) throw noData(`it said "${reply.code} ${reply.text}" to PASV`);
  // Not the address in the reply: that is the one of the first interface which is up, reachable from here or not (ftp.c, ftp_process_cmd).
  const target = { address: control.remoteAddress, port, withinMs: DATA_CONNECT_WITHIN_MS };
  try {
    return await links.openStream({ ...target, ...signalOf(conversation) });
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof FlashError ? noData(error.message, error) : error;
  }
}

function noData(how: string, cause?: FlashError): FlashError {
  return new FlashError('PYCOM_NO_DATA_CONNECTION', `the device offers no data connection: ${how}`, {
    cause,
    step: 'write',
  });
}

/** What the device says of an upload that it ends itself. */
const REFUSALS: ReadonlyMap<number, ErrorCode> = new Map([
  [Reply.DATA_TIMED_OUT, 'PYCOM_STALLED'],
  [Reply.WRITE_FAILED, 'PYCOM_FLASH_FAILED'],
  [Reply.NOT_DONE, 'PYCOM_SLOT_NOT_ERASED'],
]);

class Transfer {
  readonly #context: UploadContext;
  readonly #data: StreamLink;
  #sentBytes = 0;
  #lastLifeMs: number;
  #leastUnsentBytes = Number.POSITIVE_INFINITY;
  #isCommitted = false;

  constructor(context: UploadContext, data: StreamLink) {
    this.#context = context;
    this.#data = data;
    this.#lastLifeMs = context.conversation.clock.monotonic();
  }

  async begin(): Promise<void> {
    const { control, isOnlyChance, path } = this.#context;
    // From STOR on the device has a length for this slot that only a restart takes back: what breaks now is not to be repeated blindly.
    if (isOnlyChance) this.#commit();
    const reply = await this.#heard(() => control.ask('STOR', path, this.#signal));
    if (reply.code !== Reply.DATA_FOLLOWS) throw this.#refused(reply);
  }

  /** All but the last byte. */
  async sendBody(): Promise<void> {
    const { bytes, observer } = this.#context;
    const bodyBytes = bytes.length - HELD_BACK_BYTES;
    while (this.#sentBytes < bodyBytes) {
      this.#send(Math.min(CHUNK_BYTES, bodyBytes - this.#sentBytes));
      observer.onProgress(this.#sentBytes, bytes.length);
      await this.#untilUnsent(UNSENT_LIMIT_BYTES);
    }
    await this.#untilUnsent(0);
    await this.#look(QUIET_MS);
  }

  /** The last byte, the end, and the device's word on it. */
  async finish(): Promise<void> {
    const { bytes, conversation, control, observer } = this.#context;
    this.#signal?.throwIfAborted();
    if (!this.#isCommitted) this.#commit();
    this.#send(HELD_BACK_BYTES);
    this.#data.end();
    observer.onProgress(this.#sentBytes, bytes.length);
    const slowestMs = (bytes.length / SLOWEST_BYTES_PER_SECOND) * 1000;
    const withinMs = Math.round(conversation.options.resultWithinMs + slowestMs);
    const reply = await control.next(withinMs).catch((error: unknown) => {
      throw error instanceof FlashError ? this.#resultLost(error.message, error) : error;
    });
    if (reply === null) throw this.#resultLost(`it said nothing for ${withinMs / 1000} s`);
    if (REFUSALS.has(reply.code)) throw this.#refused(reply);
    if (reply.code !== Reply.DONE) throw this.#resultLost(`it said "${reply.code} ${reply.text}"`);
    // An orderly end says that it has read everything; a reset, that bytes were still on their way when it had enough.
    await this.#heard(() => this.#data.read(DATA_END_WITHIN_MS));
  }

  /** From here on nothing is broken off. */
  #commit(): void {
    this.#context.observer.onStep('commit');
    this.#isCommitted = true;
  }

  get #signal(): AbortSignal | undefined {
    return this.#isCommitted ? undefined : this.#context.conversation.signal;
  }

  #send(sizeBytes: number): void {
    this.#data.write(this.#context.bytes.subarray(this.#sentBytes, this.#sentBytes + sizeBytes));
    this.#sentBytes += sizeBytes;
  }

  /** Waits until no more than so many bytes are still in this process. A sign of life is that they get fewer. */
  async #untilUnsent(limitBytes: number): Promise<void> {
    const { clock, options } = this.#context.conversation;
    this.#leastUnsentBytes = Number.POSITIVE_INFINITY;
    for (;;) {
      const { unsentBytes } = this.#data;
      if (unsentBytes < this.#leastUnsentBytes) {
        this.#leastUnsentBytes = unsentBytes;
        this.#lastLifeMs = clock.monotonic();
      }
      await this.#look(unsentBytes > limitBytes ? LOOK_MS : 1);
      if (unsentBytes <= limitBytes) return;
      if (clock.monotonic() - this.#lastLifeMs < options.stallAfterMs) continue;
      throw this.#broken('PYCOM_STALLED', `the device took nothing for ${options.stallAfterMs / 1000} s`);
    }
  }

  /** Whatever the device says or does in the middle of the upload speaks against it. */
  async #look(withinMs: number): Promise<void> {
    const { control } = this.#context;
    const got = await this.#heard(() => this.#data.read(withinMs, this.#signal));
    // It ends the data connection first, and then says why.
    const reply = await this.#heard(() => control.next(got === 'end' ? WORDS_WITHIN_MS : 0, this.#signal));
    if (reply !== null) throw this.#refused(reply);
    if (got === 'end') throw this.#broken('PYCOM_UPLOAD_BROKEN', 'the device closed the data connection');
  }

  async #heard<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw error instanceof FlashError ? this.#broken('PYCOM_UPLOAD_BROKEN', error.message, error) : error;
    }
  }

  #refused({ code, text }: FtpReply): FlashError {
    return this.#broken(REFUSALS.get(code) ?? 'PYCOM_UPLOAD_BROKEN', `the device said "${`${code} ${text}`.trim()}"`);
  }

  /** Never followed by a reset: what is in the slot now would be started, and found wanting. */
  #broken(code: ErrorCode, how: string, cause?: FlashError): FlashError {
    const { bytes, isOnlyChance } = this.#context;
    const soFar = `${how}, after ${count(this.#sentBytes)} of ${count(bytes.length)} bytes`;
    const message = isOnlyChance
      ? `${soFar}; its firmware keeps the length of this upload until it restarts, and would reject another one`
      : soFar;
    return new FlashError(isOnlyChance ? 'PYCOM_POWER_CYCLE' : code, message, {
      cause,
      step: 'write',
      details: { sentBytes: Math.min(this.#sentBytes, bytes.length), totalBytes: bytes.length, found: code },
    });
  }

  #resultLost(how: string, cause?: FlashError): FlashError {
    const sentBytes = this.#sentBytes;
    return new FlashError('PYCOM_RESULT_LOST', `all ${count(sentBytes)} bytes have left for the device, but ${how}`, {
      cause,
      step: 'commit',
      details: { sentBytes, totalBytes: sentBytes },
    });
  }
}

function count(bytes: number): string {
  return bytes.toLocaleString('en-US');
}
