import { type Clock, sleep } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { StreamLink, StreamRead } from '../../transports/links.ts';
import { encodeCommand, type FtpReply, ReplyReader } from './codec.ts';
import { CONNECT_WITHIN_MS, GREETING_WORDS, REFUSED_PAUSE_MS, REPLY_WITHIN_MS, Reply } from './constants.ts';
import { type Conversation, signalOf } from './conversation.ts';
import { loginOf, loginRefused } from './login.ts';

/** The control connection: one command, one reply. */
export class FtpControl {
  readonly #stream: StreamLink;
  readonly #clock: Clock;
  readonly #reader = new ReplyReader();
  readonly #replies: FtpReply[] = [];

  constructor(stream: StreamLink, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
  }

  /** Of the device, in numbers: where its data connections are as well, whatever address it gives for them. */
  get remoteAddress(): string {
    return this.#stream.remoteAddress;
  }

  /** The next reply; null when none came in time. @throws FlashError PYCOM_SESSION_LOST; or the signal's reason */
  async next(withinMs: number, signal?: AbortSignal): Promise<FtpReply | null> {
    const endMs = this.#clock.monotonic() + withinMs;
    for (;;) {
      const reply = this.#replies.shift();
      if (reply !== undefined) return reply;
      const got = await this.#read(Math.max(0, endMs - this.#clock.monotonic()), signal);
      if (got === 'end') throw sessionLost('it closed the control connection');
      if (got === 'timeout') return null;
      this.#replies.push(...this.#reader.push(got));
    }
  }

  /** Sends a command whole, in one write, and waits for its reply. @throws FlashError PYCOM_SESSION_LOST; or the signal's reason */
  async ask(verb: string, argument: string | undefined, signal?: AbortSignal): Promise<FtpReply> {
    this.#stream.write(encodeCommand(verb, argument));
    const reply = await this.next(REPLY_WITHIN_MS, signal);
    if (reply === null) throw sessionLost(`it did not answer ${verb} within ${REPLY_WITHIN_MS / 1000} s`);
    if (reply.code === Reply.CLOSING && verb !== 'QUIT') throw sessionLost(`it ended the session at ${verb} (221)`);
    return reply;
  }

  /** Leaves in good order, so that the device is free for the next session at once. Never throws. */
  async quit(): Promise<void> {
    await this.ask('QUIT', undefined).catch(() => undefined);
    this.#stream.close();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  async #read(timeoutMs: number, signal?: AbortSignal): Promise<StreamRead> {
    try {
      return await this.#stream.read(timeoutMs, signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof FlashError ? sessionLost('the control connection broke', error) : error;
    }
  }
}

/**
 * Connects, waits where the device is busy with another session, and logs in. Firmware that closes its port while somebody is in is
 * asked again for `greeting-within`.
 *
 * @throws FlashError LINK_…, PYCOM_BUSY, PYCOM_WRONG_SERVER, PYCOM_LOGIN_REFUSED, PYCOM_UNEXPECTED_ANSWER, PYCOM_SESSION_LOST; or the
 *   signal's reason
 */
export async function openFtp(conversation: Conversation): Promise<FtpControl> {
  const control = new FtpControl(await openControl(conversation), conversation.clock);
  try {
    await greeting(control, conversation);
    await logIn(control, conversation);
    return control;
  } catch (error) {
    control.destroy();
    throw error;
  }
}

/** Whether the FTP server greets as that of a module does; then it is left without a login. Throws like {@link openFtp}. */
export async function greetFtp(conversation: Conversation): Promise<void> {
  const control = new FtpControl(await openControl(conversation), conversation.clock);
  try {
    await greeting(control, conversation);
    await control.quit();
  } finally {
    control.destroy();
  }
}

async function openControl(conversation: Conversation): Promise<StreamLink> {
  const { address, port, clock, links, options, signal } = conversation;
  const endMs = clock.monotonic() + options.greetingWithinMs;
  for (;;) {
    try {
      return await links.openStream({ address, port, withinMs: CONNECT_WITHIN_MS, ...signalOf(conversation) });
    } catch (error) {
      const isRefused = error instanceof FlashError && error.code === 'LINK_REFUSED';
      if (!isRefused || clock.monotonic() >= endMs) throw error;
    }
    await sleep(clock, REFUSED_PAUSE_MS, signal);
  }
}

/** A device has one session at a time: it accepts the connection of a second, and is silent until the first is over. */
async function greeting(control: FtpControl, { options, log, signal }: Conversation): Promise<void> {
  let reply = await control.next(options.greetingWithinMs, signal);
  if (reply === null) {
    log.info('device.busy', { server: 'ftp', waitMs: options.waitIfBusyMs });
    reply = await control.next(options.waitIfBusyMs, signal);
  }
  if (reply === null) throw busy('FTP', options.greetingWithinMs + options.waitIfBusyMs);
  if (reply.code !== Reply.GREETING) throw unexpected('its greeting', reply);
  if (reply.text.includes(GREETING_WORDS)) return;
  const message = `the FTP server there greets with "${reply.text}", and Pycom's devices with "${GREETING_WORDS}"`;
  throw new FlashError('PYCOM_WRONG_SERVER', message, { step: 'prepare' });
}

async function logIn(control: FtpControl, { options, signal }: Conversation): Promise<void> {
  const { user, password } = loginOf(options);
  const named = await control.ask('USER', user, signal);
  if (named.code !== Reply.NEED_PASSWORD) throw unexpected('USER', named);
  const answer = await control.ask('PASS', password, signal);
  if (answer.code === Reply.WRONG_LOGIN) throw loginRefused('FTP', options, `${answer.code}`);
  if (answer.code !== Reply.LOGGED_IN) throw unexpected('PASS', answer);
  const type = await control.ask('TYPE', 'I', signal);
  if (type.code !== Reply.OK) throw unexpected('TYPE I', type);
}

/** PYCOM_BUSY: somebody else has the session. */
export function busy(server: 'FTP' | 'telnet', waitedMs: number): FlashError {
  const message = `the ${server} server of the device took the connection and was silent for ${Math.round(waitedMs / 1000)} s: it serves another session`;
  return new FlashError('PYCOM_BUSY', message, { step: 'prepare' });
}

/** PYCOM_UNEXPECTED_ANSWER; `to` is the command that was answered. */
export function unexpected(to: string, { code, text }: FtpReply): FlashError {
  const said = `${code === 0 ? '' : code} ${text}`.trim();
  return new FlashError('PYCOM_UNEXPECTED_ANSWER', `the device said "${said}" to ${to}`, { step: 'prepare' });
}

function sessionLost(how: string, cause?: FlashError): FlashError {
  return new FlashError('PYCOM_SESSION_LOST', `the FTP session with the device is over: ${how}`, { cause });
}
