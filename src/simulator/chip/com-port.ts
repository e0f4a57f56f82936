import type { ControlLines } from './reset-circuit.ts';
import { escapeTelnet, negotiation, subnegotiation, Telnet, TelnetDecoder, type TelnetEvent } from './telnet.ts';

/** RFC 2217: options, commands and values. */
const Option = { BINARY: 0, SUPPRESS_GO_AHEAD: 3, COM_PORT: 44 } as const;
const Command = {
  SIGNATURE: 0,
  SET_BAUDRATE: 1,
  SET_CONTROL: 5,
  NOTIFY_MODEMSTATE: 7,
  FLOWCONTROL_SUSPEND: 8,
  FLOWCONTROL_RESUME: 9,
} as const;
/** The server's answer to a command has the command's number and a hundred. */
const ANSWER = 100;
const SIGNATURE = 'dropflash simulator';
/** DCD, DSR and CTS are on. */
const MODEM_STATE = 0xb0;

/** SET-CONTROL values that change a line. */
const CONTROLS: Readonly<Record<number, Partial<ControlLines>>> = {
  8: { dtr: true },
  9: { dtr: false },
  11: { rts: true },
  12: { rts: false },
};
const ASK_DTR = 7;
const ASK_RTS = 10;

/** What a host has asked of the port. */
export interface ComPortEvents {
  onData(bytes: Uint8Array): void;
  onLines(lines: Partial<ControlLines>): void;
  onBaudRate(baudRate: number): void;
}

/** The access server's side of one RFC 2217 connection. */
export class ComPortServer {
  readonly #decoder = new TelnetDecoder();
  readonly #send: (bytes: Uint8Array) => void;
  readonly #events: ComPortEvents;
  /** What was agreed, as `verb option` of the host: an agreement is not answered again (RFC 854). */
  readonly #agreed = new Set<string>();
  #lines: ControlLines = { dtr: false, rts: false };
  #baudRate = 115_200;

  constructor(send: (bytes: Uint8Array) => void, events: ComPortEvents) {
    this.#send = send;
    this.#events = events;
  }

  receive(bytes: Uint8Array): void {
    for (const event of this.#decoder.push(bytes)) this.#handle(event);
  }

  sendData(bytes: Uint8Array): void {
    this.#send(escapeTelnet(bytes));
  }

  #handle(event: TelnetEvent): void {
    if (event.kind === 'data') this.#events.onData(event.bytes);
    else if (event.kind === 'negotiation') this.#negotiate(event.verb, event.option);
    else if (event.option === Option.COM_PORT) this.#command(event.bytes);
  }

  #negotiate(verb: number, option: number): void {
    const isOffer = verb === Telnet.WILL;
    const isWanted = verb === Telnet.DO;
    if (!isOffer && !isWanted) return;
    const isKnown = Object.values<number>(Option).includes(option);
    if (!isKnown) {
      this.#send(negotiation(isOffer ? Telnet.DONT : Telnet.WONT, option));
      return;
    }
    const key = `${verb} ${option}`;
    if (this.#agreed.has(key)) return;
    this.#agreed.add(key);
    this.#send(negotiation(isOffer ? Telnet.DO : Telnet.WILL, option));
    if (isOffer && option === Option.COM_PORT) this.#answer(Command.NOTIFY_MODEMSTATE, Uint8Array.of(MODEM_STATE));
  }

  #command([command = 0, ...value]: Uint8Array): void {
    if (command === Command.FLOWCONTROL_SUSPEND || command === Command.FLOWCONTROL_RESUME) return;
    if (command === Command.SIGNATURE) this.#answer(command, Buffer.from(SIGNATURE, 'latin1'));
    else if (command === Command.SET_BAUDRATE) this.#setBaudRate(Uint8Array.from(value));
    else if (command === Command.SET_CONTROL) this.#setControl(value[0] ?? 0);
    else this.#answer(command, Uint8Array.from(value));
  }

  /** A rate of 0 asks for the present one. */
  #setBaudRate(value: Uint8Array): void {
    if (value.length !== 4) return;
    const baudRate = new DataView(value.buffer).getUint32(0);
    if (baudRate !== 0) {
      this.#baudRate = baudRate;
      this.#events.onBaudRate(baudRate);
    }
    const answer = new DataView(new ArrayBuffer(4));
    answer.setUint32(0, this.#baudRate);
    this.#answer(Command.SET_BAUDRATE, new Uint8Array(answer.buffer));
  }

  #setControl(value: number): void {
    const change = CONTROLS[value];
    if (change !== undefined) {
      this.#lines = { ...this.#lines, ...change };
      this.#events.onLines(change);
    }
    this.#answer(Command.SET_CONTROL, Uint8Array.of(this.#stateFor(value)));
  }

  #stateFor(value: number): number {
    if (value === ASK_DTR) return this.#lines.dtr ? 8 : 9;
    if (value === ASK_RTS) return this.#lines.rts ? 11 : 12;
    return value;
  }

  #answer(command: number, value: Uint8Array): void {
    this.#send(subnegotiation(Option.COM_PORT, Uint8Array.from([command + ANSWER, ...value])));
  }
}
