import { sleep } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import { parseMicroPython } from '../../firmware/formats/micropython.ts';
import type { StreamLink } from '../../transports/links.ts';
import { Telnet as TelnetByte, TelnetDecoder } from '../../transports/telnet.ts';
import {
  CONNECT_WITHIN_MS,
  FIRST_PROMPT_WITHIN_MS,
  INTERRUPT_WITHIN_MS,
  INTERRUPTS,
  PASSWORD_OPTIONS_WITHIN_MS,
  PROMPT_WITHIN_MS,
  REFUSED_PAUSE_MS,
  RESET_WITHIN_MS,
} from './constants.ts';
import { type Conversation, signalOf } from './conversation.ts';
import { busy } from './ftp.ts';
import type { Identity } from './identity.ts';
import { loginOf, loginRefused } from './login.ts';

/** RFC 1184. Its WILL is the last of the options that telnet.c sends with a prompt. */
const LINEMODE = 34;
const CTRL_C = '\x03';
const PROMPT = '>>> ';
/** More than anything that is waited for; scripts may print without end. */
const KEPT_CHARACTERS = 8192;

/** One telnet session with the interpreter of a device, logged in. */
export class TelnetShell {
  /** The line that it greeted with. */
  readonly greeting: string;
  readonly #reader: TextReader;

  constructor(greeting: string, reader: TextReader) {
    this.greeting = greeting;
    this.#reader = reader;
  }

  /** What the greeting tells; null where it is another text. */
  get identity(): Identity {
    return parseMicroPython(this.greeting);
  }

  /**
   * Stops what runs and resets the device, hard: a soft reset starts the same firmware again. Returns when the device has stopped talking.
   *
   * @throws FlashError PYCOM_NO_TELNET where the interpreter is not to be had, or is still there after the reset
   */
  async reset(): Promise<void> {
    await this.#stopScript();
    this.#reader.discard();
    this.#reader.send('machine.reset()\r\n');
    // Its own echo has no prompt in it; another one says that nothing was reset. The connection is usually just dead.
    const answer = await this.#reader.until(PROMPT, RESET_WITHIN_MS).catch(asEnd);
    if (answer === null || answer === 'end') return;
    throw noTelnet(`it is still there after machine.reset(): ${JSON.stringify(answer.trim().slice(-200))}`);
  }

  close(): void {
    this.#reader.close();
  }

  /** Ctrl-C until the interpreter takes a line, which its echo and the next prompt show. */
  async #stopScript(): Promise<void> {
    await this.#reader.until(PROMPT, FIRST_PROMPT_WITHIN_MS);
    for (let nth = 0; nth < INTERRUPTS; nth += 1) {
      this.#reader.discard();
      this.#reader.send(CTRL_C);
      if ((await this.#reader.until(PROMPT, INTERRUPT_WITHIN_MS)) === null) continue;
      this.#reader.send('import machine\r\n');
      const answer = await this.#reader.until(PROMPT, INTERRUPT_WITHIN_MS);
      if (answer?.includes('import machine') && !answer.includes('Error')) return;
    }
    throw noTelnet(`the interpreter gave no prompt after Ctrl-C, sent ${INTERRUPTS} times`);
  }
}

/** What a telnet session is opened for. */
export interface TelnetPurpose {
  /** How long a closed port is tried again. */
  readonly refusedForMs: number;
  /** False: for its greeting alone. */
  readonly logsIn: boolean;
}

/**
 * Connects, waits where the device is busy with another session, and logs in.
 *
 * @throws FlashError LINK_UNKNOWN_HOST, LINK_UNREACHABLE, PYCOM_NO_TELNET, PYCOM_BUSY, PYCOM_LOGIN_REFUSED; or the signal's reason
 */
export async function openTelnet(conversation: Conversation, purpose: TelnetPurpose): Promise<TelnetShell> {
  const { clock, signal } = conversation;
  const endMs = clock.monotonic() + purpose.refusedForMs;
  for (;;) {
    const shell = await tryTelnet(conversation, purpose);
    if (!(shell instanceof FlashError)) return shell;
    if (clock.monotonic() >= endMs) throw shell;
    await sleep(clock, REFUSED_PAUSE_MS, signal);
  }
}

/** An error that is returned is one that may pass: the server has closed its port for another client, or opens it anew just now. */
async function tryTelnet(conversation: Conversation, { logsIn }: TelnetPurpose): Promise<TelnetShell | FlashError> {
  const { address, options, links } = conversation;
  const target = { address, port: options.telnetPort, withinMs: CONNECT_WITHIN_MS, ...signalOf(conversation) };
  let stream: StreamLink;
  try {
    stream = await links.openStream(target);
  } catch (error) {
    if (error instanceof FlashError && error.code === 'LINK_REFUSED') return noTelnet(error.message, error);
    throw error;
  }
  const reader = new TextReader(stream, conversation);
  try {
    const greeting = await greet(reader, conversation);
    if (logsIn) await logIn(reader, conversation);
    return new TelnetShell(greeting, reader);
  } catch (error) {
    stream.destroy();
    conversation.signal?.throwIfAborted();
    if (error instanceof FlashError && error.code === 'LINK_CLOSED') return noTelnet(error.message, error);
    throw error;
  }
}

async function greet(reader: TextReader, { options, log }: Conversation): Promise<string> {
  let text = await reader.until('Login as: ', options.greetingWithinMs);
  if (text === null && reader.isEmpty) {
    log.info('device.busy', { server: 'telnet', waitMs: options.waitIfBusyMs });
    text = await reader.until('Login as: ', options.waitIfBusyMs);
  }
  if (text !== null) return text.trim().split('\n', 1)[0]?.trim() ?? '';
  if (reader.isEmpty) throw busy('telnet', options.greetingWithinMs + options.waitIfBusyMs);
  throw noTelnet('it greets, and does not ask for a login as Pycom firmware does');
}

async function logIn(reader: TextReader, { options }: Conversation): Promise<void> {
  const { user, password } = loginOf(options);
  reader.send(`${user}\r\n`);
  if ((await reader.until('Password: ', PROMPT_WITHIN_MS)) === null) throw noTelnet('it does not ask for a password');
  await reader.untilLinemode(PASSWORD_OPTIONS_WITHIN_MS);
  reader.send(`${password}\r\n`);
  const verdict = await reader.until(/Login succeeded!|Invalid credentials/, PROMPT_WITHIN_MS);
  if (verdict === null) throw noTelnet('it does not answer the login');
  if (verdict.includes('Invalid')) throw loginRefused('telnet', options, 'Invalid credentials');
}

function noTelnet(how: string, cause?: FlashError): FlashError {
  return new FlashError('PYCOM_NO_TELNET', `the telnet server of the device cannot be used: ${how}`, {
    cause,
    step: 'prepare',
  });
}

function asEnd(error: unknown): 'end' {
  if (error instanceof FlashError) return 'end';
  throw error;
}

/** The text of a telnet connection, to be read up to what is waited for. */
class TextReader {
  readonly #stream: StreamLink;
  readonly #conversation: Conversation;
  readonly #decoder = new TelnetDecoder();
  #text = '';
  /** Counted since the last prompt that was read. */
  #linemodes = 0;

  constructor(stream: StreamLink, conversation: Conversation) {
    this.#stream = stream;
    this.#conversation = conversation;
  }

  /** Whether nothing has come that was not read. */
  get isEmpty(): boolean {
    return this.#text === '';
  }

  send(text: string): void {
    this.#linemodes = 0;
    this.#stream.write(Buffer.from(text, 'latin1'));
  }

  discard(): void {
    this.#text = '';
  }

  close(): void {
    this.#stream.close();
  }

  /** Everything up to the end of `mark`, which is taken; null when it did not come in time. @throws FlashError LINK_CLOSED */
  async until(mark: string | RegExp, withinMs: number): Promise<string | null> {
    const find = () => this.#take(mark);
    return (await this.#readUntil(() => find(), withinMs)) ?? null;
  }

  /** Returns in time as well where the options do not come. */
  async untilLinemode(withinMs: number): Promise<void> {
    await this.#readUntil(() => (this.#linemodes > 0 ? '' : null), withinMs);
  }

  async #readUntil(find: () => string | null, withinMs: number): Promise<string | null> {
    const { clock, signal } = this.#conversation;
    const endMs = clock.monotonic() + withinMs;
    for (;;) {
      const found = find();
      if (found !== null) return found;
      const got = await this.#stream.read(Math.max(0, endMs - clock.monotonic()), signal);
      if (got === 'timeout') return null;
      if (got === 'end') throw new FlashError('LINK_CLOSED', 'the device closed the telnet connection');
      this.#push(got);
    }
  }

  #push(chunk: Uint8Array): void {
    for (const event of this.#decoder.push(chunk)) {
      if (event.kind === 'data') this.#text += Buffer.from(event.bytes).toString('latin1');
      if (event.kind === 'option' && event.verb === TelnetByte.WILL && event.option === LINEMODE) this.#linemodes += 1;
    }
    this.#text = this.#text.slice(-KEPT_CHARACTERS);
  }

  #take(mark: string | RegExp): string | null {
    const at = typeof mark === 'string' ? this.#text.indexOf(mark) : this.#text.search(mark);
    if (at === -1) return null;
    const length = typeof mark === 'string' ? mark.length : (mark.exec(this.#text)?.[0].length ?? 0);
    const taken = this.#text.slice(0, at + length);
    this.#text = this.#text.slice(at + length);
    return taken;
  }
}
