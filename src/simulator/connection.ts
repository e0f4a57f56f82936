import type { Socket } from 'node:net';
import { type Clock, sleep, type Timer } from '../clock.ts';
import { ByteQueue } from './byte-queue.ts';
import type { CoreFacts } from './cores.ts';
import { DelayLine } from './delay-line.ts';
import type { Faults } from './faults.ts';

/** The network between host and device. */
export interface Link {
  /** One way, for datagrams and for every TCP segment, in both directions. */
  readonly delayMs: number;
  /** What the device's TCP takes without having read it: the host's data in flight never exceeds it. */
  readonly windowBytes: number;
  /** Towards the device; null: without limit. */
  readonly bytesPerSecond: number | null;
}

/** The device's end of a TCP connection. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly chip: CoreFacts['chip'];
  readonly link: Link;
  readonly replies: Faults['replies'] | undefined;
  /** Aborted when the device's power goes. The connection falls silent then: no FIN, no RST. */
  readonly signal: AbortSignal;
  /** Aborted when the device has started again, or is taken away, and what is left of the connection meets RST. */
  readonly forgotten: AbortSignal;
}

/** The host's send buffer: how much is taken from the real socket before it has "left" the host. */
const HOST_BUFFER_BYTES = 64 * 1024;
const SPLIT_PAUSE_MS = 1;
const JOIN_FOR_MS = 20;

/** The end of what the device sends. */
interface LastSegment {
  readonly how: 'end' | 'reset';
}

/**
 * The device's end of the TCP connection, behind a link with a delay and a receive window as small as the device's: the
 * window and the delay of the loopback itself would hide what a slow network does to an upload.
 */
export class DeviceConnection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #leaving = new ByteQueue();
  readonly #arrived = new ByteQueue();
  readonly #inbound: DelayLine<Uint8Array | 'end'>;
  readonly #windowUpdates: DelayLine<number>;
  readonly #outbound: DelayLine<string | LastSegment>;
  #windowBytes: number;
  #lineTimer: Timer | null = null;
  #heldText = '';
  #holdTimer: Timer | null = null;
  #hasHostEnded = false;
  #isOpen = true;
  #isHung = false;
  #isSilent = false;
  #onChange: (() => void) | null = null;

  constructor(socket: Socket, options: ConnectionOptions) {
    const { clock, forgotten, link, signal } = options;
    this.#socket = socket;
    this.#options = options;
    this.#windowBytes = link.windowBytes;
    this.#inbound = new DelayLine(clock, link.delayMs, (item) => this.#arrive(item));
    this.#windowUpdates = new DelayLine(clock, link.delayMs, (sizeBytes) => {
      this.#windowBytes += sizeBytes;
      this.#transmit();
    });
    this.#outbound = new DelayLine(clock, link.delayMs, (segment) => this.#send(segment));
    socket.on('data', (bytes) => this.#leave(bytes));
    socket.on('end', () => {
      this.#hasHostEnded = true;
      this.#transmit();
      this.#onChange?.();
    });
    // 'close' follows and tells all there is to know.
    socket.on('error', () => undefined);
    const fallSilent = () => this.#fallSilent();
    const destroy = () => socket.destroy();
    signal.addEventListener('abort', fallSilent);
    forgotten.addEventListener('abort', destroy);
    socket.on('close', () => {
      signal.removeEventListener('abort', fallSilent);
      forgotten.removeEventListener('abort', destroy);
      this.#fallSilent();
    });
  }

  /** Bytes that the device has received and not read. */
  get available(): number {
    return this.#arrived.length;
  }

  /** As `connected()` of both cores: open, or closed with something left to read. */
  get isConnected(): boolean {
    return this.#isOpen || this.available > 0;
  }

  read(maxBytes: number): Uint8Array {
    const bytes = this.#arrived.take(maxBytes);
    if (bytes.length > 0) this.#windowUpdates.push(bytes.length);
    return bytes;
  }

  /** True as soon as there is something to read; false after `timeoutMs`. A close does not shorten the wait. */
  async waitForData(timeoutMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.setTimer(timeoutMs, resolve);
    const isSettled = () => this.available > 0 || this.#options.signal.aborted;
    this.#onChange = () => isSettled() && resolve();
    this.#onChange();
    await promise;
    this.#onChange = null;
    timer.cancel();
    this.#options.signal.throwIfAborted();
    return this.available > 0;
  }

  /** Stops reading for good. Resolves when the connection is gone or the host has ended it. */
  async waitForEnd(): Promise<void> {
    this.#isHung = true;
    this.#leaving.clear();
    this.#socket.resume();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onChange = () => (!this.#isOpen || this.#hasHostEnded || this.#options.signal.aborted) && resolve();
    this.#onChange();
    await promise;
    this.#onChange = null;
    this.#options.signal.throwIfAborted();
  }

  async print(text: string): Promise<void> {
    const { clock, replies, signal } = this.#options;
    if (text === '') return;
    if (replies === 'split') {
      for (const character of text) {
        this.#outbound.push(character);
        await sleep(clock, SPLIT_PAUSE_MS, signal);
      }
      return;
    }
    if (replies === 'joined') {
      this.#heldText += text;
      this.#holdTimer ??= clock.setTimer(JOIN_FOR_MS, () => this.#releaseHeld());
      return;
    }
    this.#outbound.push(text);
  }

  /**
   * The last words, and the close. Where the device has not read everything, its TCP sends RST in place of FIN; an ESP32
   * then loses the words too, since they still wait in its send buffer.
   */
  async closeWith(text: string): Promise<void> {
    const hasUnread = this.available > 0 || this.#leaving.length > 0;
    if (hasUnread && this.#options.chip === 'esp32') return this.reset();
    await this.print(text);
    await this.#finish(hasUnread ? 'reset' : 'end');
  }

  /** FIN, without a word. */
  end(): Promise<void> {
    return this.#finish('end');
  }

  /** RST, at once. */
  reset(): void {
    this.#fallSilent();
    this.#socket.resetAndDestroy();
  }

  /** Prints `text` for as long as the host takes it. */
  async flood(text: string): Promise<void> {
    const block = text.repeat(Math.ceil(HOST_BUFFER_BYTES / text.length));
    while (this.#isOpen && !this.#hasHostEnded) {
      if (this.#socket.write(block)) await sleep(this.#options.clock, 0, this.#options.signal);
      else await new Promise<void>((resolve) => this.#socket.once('drain', resolve).once('close', () => resolve()));
    }
    await this.end();
  }

  #leave(bytes: Uint8Array): void {
    if (this.#isSilent || this.#isHung) return;
    this.#leaving.push(bytes);
    if (this.#leaving.length > HOST_BUFFER_BYTES) this.#socket.pause();
    this.#transmit();
  }

  /** What window and line rate allow sets off for the device. */
  #transmit(): void {
    while (this.#windowBytes > 0 && this.#leaving.length > 0 && this.#lineTimer === null) {
      const segment = this.#leaving.take(this.#windowBytes);
      this.#windowBytes -= segment.length;
      this.#inbound.push(segment);
      this.#occupyLine(segment.length);
    }
    if (this.#leaving.length < HOST_BUFFER_BYTES / 2 && this.#socket.isPaused()) this.#socket.resume();
    if (this.#hasHostEnded && this.#leaving.length === 0) this.#inbound.push('end');
  }

  #occupyLine(sizeBytes: number): void {
    const { clock, link } = this.#options;
    if (link.bytesPerSecond === null) return;
    this.#lineTimer = clock.setTimer((sizeBytes * 1000) / link.bytesPerSecond, () => {
      this.#lineTimer = null;
      this.#transmit();
    });
  }

  #arrive(item: Uint8Array | 'end'): void {
    if (item === 'end') this.#isOpen = false;
    else this.#arrived.push(item);
    this.#onChange?.();
  }

  #releaseHeld(): void {
    this.#holdTimer?.cancel();
    this.#holdTimer = null;
    if (this.#heldText !== '') this.#outbound.push(this.#heldText);
    this.#heldText = '';
  }

  /** Resolves when the last segment has left the device, so that a restart does not catch it on the way. */
  async #finish(how: LastSegment['how']): Promise<void> {
    this.#releaseHeld();
    if (this.#isSilent) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.once('close', () => resolve());
    this.#outbound.push({ how });
    await promise;
  }

  #send(segment: string | LastSegment): void {
    if (typeof segment === 'string') {
      this.#write(segment);
      return;
    }
    this.#socket.uncork();
    if (segment.how === 'reset') this.reset();
    // As lwIP (tcp_in.c), the system then answers further data with RST.
    else this.#socket.destroySoon();
  }

  /** What a device prints without a pause in between reaches the host together, as it does over a real network. */
  #write(text: string): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      setImmediate(() => this.#socket.uncork());
    }
    this.#socket.write(text);
  }

  /** Nothing goes in or out any more. */
  #fallSilent(): void {
    this.#isSilent = true;
    this.#isOpen = false;
    for (const line of [this.#inbound, this.#windowUpdates, this.#outbound]) line.cut();
    this.#lineTimer?.cancel();
    this.#holdTimer?.cancel();
    this.#leaving.clear();
    this.#onChange?.();
  }
}
