import type { Clock } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { DatagramLink, DialBack, StreamLink } from '../../transports/links.ts';
import type { FlashRequest } from '../protocol.ts';
import { decodeReply, printable, type Reply } from './codec.ts';

/** What came of waiting. `trouble` is the network's own word, by ICMP; `appeared`: the device has just come onto the network. */
export type Arrival =
  | { readonly kind: 'reply'; readonly reply: Reply }
  | { readonly kind: 'dialled'; readonly stream: StreamLink }
  | { readonly kind: 'trouble'; readonly error: FlashError }
  | { readonly kind: 'appeared' }
  | { readonly kind: 'silence' };

/** The device has connected; its stream is the receiver's to close. */
export type Dialled = Extract<Arrival, { kind: 'dialled' }>;

/** What may arrive while a device is invited. */
export interface InboxOptions extends Pick<FlashRequest, 'onAppearance'> {
  readonly datagrams: DatagramLink;
  readonly dialBack: DialBack;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Everything that can arrive while no connection stands, one at a time. */
export class Inbox {
  /** Nonces that were answered: each is answered once, however often it comes. */
  readonly answered = new Set<string>();
  /** The last thing a device said that no device is known to say, or not in this place. */
  strangeWords: string | null = null;
  /** The network's last word, until the device says anything. */
  trouble: FlashError | null = null;
  readonly #context: InboxOptions;
  readonly #over = new AbortController();
  readonly #dialled: Promise<Arrival>;
  readonly #unwatch: () => void;
  #onAppeared: () => void = () => undefined;

  constructor(context: InboxOptions) {
    this.#context = context;
    const signal = AbortSignal.any([context.signal, this.#over.signal]);
    this.#dialled = context.dialBack.accept(signal).then((stream) => ({ kind: 'dialled', stream }));
    // Losing the race to a datagram, or the end of the conversation, is no failure of its own.
    this.#dialled.catch(() => undefined);
    this.#unwatch = context.onAppearance?.(() => this.#onAppeared()) ?? (() => undefined);
  }

  now(): number {
    return this.#context.clock.monotonic();
  }

  /** A device that is just starting refuses now and answers the next one. */
  async send(datagram: Uint8Array): Promise<void> {
    try {
      await this.#context.datagrams.send(datagram);
    } catch (error) {
      this.#note(error);
    }
  }

  async next(endMs: number): Promise<Arrival> {
    const turn = new AbortController();
    const signal = AbortSignal.any([turn.signal, this.#context.signal]);
    const appeared = new Promise<Arrival>((resolve) => {
      this.#onAppeared = () => resolve({ kind: 'appeared' });
    });
    try {
      const arrival = await Promise.race([this.#dialled, this.#receive(endMs, signal), appeared]);
      if (arrival.kind === 'reply') this.#hear(arrival.reply);
      return arrival;
    } finally {
      turn.abort();
    }
  }

  close(): void {
    this.#unwatch();
    this.#over.abort();
  }

  async #receive(endMs: number, signal: AbortSignal): Promise<Arrival> {
    try {
      const datagram = await this.#context.datagrams.receive(Math.max(0, endMs - this.now()), signal);
      return datagram === null ? { kind: 'silence' } : { kind: 'reply', reply: decodeReply(datagram) };
    } catch (error) {
      this.#context.signal.throwIfAborted();
      return { kind: 'trouble', error: this.#note(error) };
    }
  }

  #note(error: unknown): FlashError {
    if (!(error instanceof FlashError)) throw error;
    this.trouble = error;
    this.#context.log.debug('ota.unreachable', { code: error.code });
    return error;
  }

  #hear(reply: Reply): void {
    this.trouble = null;
    if (reply.kind === 'unknown') this.wonder(reply.words);
  }

  /** These words mean nothing here. */
  wonder(words: string): void {
    this.strangeWords = printable(words);
    this.#context.log.warn('ota.strange-answer', { words: this.strangeWords });
  }
}
