import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import { Arrivals } from './arrivals.ts';
import type { ControlLines, SerialLink } from './links.ts';
import { connectToServer, hangUp, listenTo, type SerialServer, writeTo } from './serial-socket.ts';
import { encodeOption, encodeSubnegotiation, escapeIac, Telnet, TelnetDecoder, type TelnetEvent } from './telnet.ts';
import { Wake } from './wake.ts';

/** Telnet options: binary (RFC 856), suppress go ahead (RFC 858), COM port control (RFC 2217). */
const BINARY = 0;
const SUPPRESS_GO_AHEAD = 3;
const COM_PORT = 44;
const WANTED = new Set([BINARY, SUPPRESS_GO_AHEAD, COM_PORT]);

/** COM port control, client to server; the server's answer is the same number + 100 (RFC 2217, section 3). */
const SET_BAUDRATE = 1;
const SET_DATASIZE = 2;
const SET_PARITY = 3;
const SET_STOPSIZE = 4;
const SET_CONTROL = 5;
const ANSWER = 100;
const FLOWCONTROL_SUSPEND = 108;
const FLOWCONTROL_RESUME = 109;

const NO_FLOW_CONTROL = 1;
const DTR_ON = 8;
const DTR_OFF = 9;
const RTS_ON = 11;
const RTS_OFF = 12;
const EIGHT_BITS = 8;
const NO_PARITY = 1;
const ONE_STOP_BIT = 1;

const ANSWER_LIMIT_MS = 3_000;
/** A server that suspends for longer is not coming back. */
const SUSPEND_LIMIT_MS = 30_000;

/**
 * A port that a server passes on by RFC 2217 (pyserial's and esptool's rfc2217 server, ser2net): bytes, baud rate and control lines.
 *
 * @throws FlashError LINK_UNKNOWN_HOST, LINK_REFUSED, LINK_UNREACHABLE; SERIAL_PORT_FAILED where the server does not speak RFC 2217;
 *   SERIAL_BAUD_REFUSED
 */
export async function openRfc2217Port(
  path: string,
  server: SerialServer,
  baudRate: number,
  clock: Clock,
): Promise<SerialLink> {
  const link = new Rfc2217Link(await connectToServer(server, path, clock), path, clock);
  try {
    await link.negotiate(baudRate);
    return link;
  } catch (cause) {
    await link.close();
    throw cause;
  }
}

class Rfc2217Link implements SerialLink {
  readonly path: string;
  readonly hasBaudRate = true;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #arrivals: Arrivals;
  #closing: Promise<void> | null = null;
  readonly #decoder = new TelnetDecoder();
  readonly #wake: Wake;
  /** What the server said about an option or a setting and nobody has looked at yet. */
  readonly #answers = new Map<string, Uint8Array>();
  #isSuspended = false;

  constructor(socket: Socket, path: string, clock: Clock) {
    this.#socket = socket;
    this.path = path;
    this.#clock = clock;
    this.#arrivals = new Arrivals(clock);
    this.#wake = new Wake(clock);
    listenTo(socket, path, {
      bytes: (bytes) => {
        for (const event of this.#decoder.push(bytes)) this.#take(event);
      },
      end: (error) => {
        this.#arrivals.end(error);
        this.#wake.ring();
      },
    });
  }

  /** Options first, then the port's settings: 8N1, no flow control. */
  async negotiate(baudRate: number): Promise<void> {
    for (const option of WANTED) {
      await this.#send(encodeOption(Telnet.WILL, option));
      await this.#send(encodeOption(Telnet.DO, option));
    }
    if ((await this.#answer(optionKey(Telnet.DO, COM_PORT))) === null) {
      throw new FlashError('SERIAL_PORT_FAILED', `${this.path}: the server does not offer RFC 2217 (COM port control)`);
    }
    await this.setBaudRate(baudRate);
    for (const [setting, value] of PORT_SETTINGS) await this.#request(setting, Uint8Array.of(value));
  }

  async write(bytes: Uint8Array): Promise<void> {
    const endMs = this.#clock.monotonic() + SUSPEND_LIMIT_MS;
    while (this.#isSuspended) {
      const remainingMs = endMs - this.#clock.monotonic();
      if (remainingMs <= 0 || !(await this.#sleep(remainingMs))) {
        throw new FlashError('SERIAL_PORT_STUCK', `${this.path}: the server suspended us for ${SUSPEND_LIMIT_MS} ms`);
      }
    }
    await this.#send(escapeIac(bytes));
  }

  read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null> {
    return this.#arrivals.read(timeoutMs, signal);
  }

  /** The protocol has one request per line; both go out in one packet, so that as little as possible lies between them. */
  async setLines({ dtr, rts }: ControlLines): Promise<boolean> {
    const values = [dtr ? DTR_ON : DTR_OFF, rts ? RTS_ON : RTS_OFF];
    const requests = values.map((value) => encodeSubnegotiation(COM_PORT, Uint8Array.of(SET_CONTROL, value)));
    for (const value of values) this.#answers.delete(controlKey(value));
    await this.#send(Buffer.concat(requests));
    const answers = [];
    for (const value of values) answers.push(await this.#answer(controlKey(value)));
    return answers.every((answer) => answer !== null);
  }

  async setBaudRate(baudRate: number): Promise<void> {
    const value = Buffer.alloc(4);
    value.writeUInt32BE(baudRate);
    const answer = await this.#request(SET_BAUDRATE, value);
    const set = answer?.length === 4 ? Buffer.from(answer).readUInt32BE() : null;
    if (set === baudRate) return;
    const why = set === null ? 'no answer' : `it stays at ${set}`;
    throw new FlashError('SERIAL_BAUD_REFUSED', `${this.path}: the server does not set ${baudRate} baud (${why})`);
  }

  discardInput(): void {
    this.#arrivals.discard();
  }

  close(): Promise<void> {
    this.#closing ??= hangUp(this.#socket, this.#clock);
    return this.#closing;
  }

  #send(bytes: Uint8Array): Promise<void> {
    const { error } = this.#arrivals;
    return error === null ? writeTo(this.#socket, this.path, bytes, this.#clock) : Promise.reject(error);
  }

  async #request(setting: number, value: Uint8Array): Promise<Uint8Array | null> {
    const key = setting === SET_CONTROL ? controlKey(value[0] ?? 0) : settingKey(setting);
    this.#answers.delete(key);
    await this.#send(encodeSubnegotiation(COM_PORT, Uint8Array.of(setting, ...value)));
    return this.#answer(key);
  }

  /** Null when the server said nothing in time, or no. */
  async #answer(key: string): Promise<Uint8Array | null> {
    const endMs = this.#clock.monotonic() + ANSWER_LIMIT_MS;
    for (;;) {
      const answer = this.#answers.get(key);
      if (answer !== undefined) return answer;
      if (this.#answers.has(refusalOf(key))) return null;
      const remainingMs = endMs - this.#clock.monotonic();
      if (remainingMs <= 0 || !(await this.#sleep(remainingMs))) return null;
    }
  }

  async #sleep(timeoutMs: number): Promise<boolean> {
    if (this.#arrivals.error !== null) throw this.#arrivals.error;
    return this.#wake.sleep(timeoutMs);
  }

  #take(event: TelnetEvent): void {
    if (event.kind === 'data') this.#arrivals.push(event.bytes);
    else if (event.kind === 'option') this.#takeOption(event.verb, event.option);
    else this.#takeSetting(event.option, event.content);
  }

  /** What we want was asked for already; everything else is declined (RFC 854, no loops). */
  #takeOption(verb: number, option: number): void {
    this.#answers.set(optionKey(verb, option), new Uint8Array());
    this.#wake.ring();
    if (WANTED.has(option)) return;
    if (verb === Telnet.WILL) this.#decline(Telnet.DONT, option);
    if (verb === Telnet.DO) this.#decline(Telnet.WONT, option);
  }

  #decline(verb: number, option: number): void {
    // A connection that breaks here shows at the next read.
    this.#send(encodeOption(verb, option)).catch(() => undefined);
  }

  #takeSetting(option: number, [kind = 0, ...value]: Uint8Array): void {
    if (option !== COM_PORT) return;
    if (kind === FLOWCONTROL_SUSPEND) this.#isSuspended = true;
    if (kind === FLOWCONTROL_RESUME) this.#isSuspended = false;
    const setting = kind - ANSWER;
    const key = setting === SET_CONTROL ? controlKey(value[0] ?? 0) : settingKey(setting);
    this.#answers.set(key, Uint8Array.from(value));
    this.#wake.ring();
  }
}

const PORT_SETTINGS: readonly (readonly [setting: number, value: number])[] = [
  [SET_DATASIZE, EIGHT_BITS],
  [SET_PARITY, NO_PARITY],
  [SET_STOPSIZE, ONE_STOP_BIT],
  [SET_CONTROL, NO_FLOW_CONTROL],
];

function optionKey(verb: number, option: number): string {
  return `option ${verb} ${option}`;
}

function settingKey(setting: number): string {
  return `setting ${setting}`;
}

function controlKey(value: number): string {
  return `control ${value}`;
}

/** A DONT where a DO was hoped for. */
function refusalOf(key: string): string {
  return key === optionKey(Telnet.DO, COM_PORT) ? optionKey(Telnet.DONT, COM_PORT) : '';
}
