/** Telnet commands (RFC 854). */
export const Telnet = { SE: 240, SB: 250, WILL: 251, WONT: 252, DO: 253, DONT: 254, IAC: 255 } as const;

/** What a server says between the data. */
export type TelnetEvent =
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'option'; readonly verb: number; readonly option: number }
  | { readonly kind: 'subnegotiation'; readonly option: number; readonly content: Uint8Array };

/** Data as it goes over the wire: a byte 255 is doubled (RFC 854). */
export function escapeIac(bytes: Uint8Array): Uint8Array {
  let count = 0;
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === Telnet.IAC) count++;
  if (count === 0) return bytes;
  const escaped = new Uint8Array(bytes.length + count);
  let to = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    escaped[to++] = byte;
    if (byte === Telnet.IAC) escaped[to++] = byte;
  }
  return escaped;
}

/** WILL, WONT, DO or DONT with an option (RFC 854). */
export function encodeOption(verb: number, option: number): Uint8Array {
  return Uint8Array.of(Telnet.IAC, verb, option);
}

/** IAC SB … IAC SE, with the IACs of its content doubled (RFC 855). */
export function encodeSubnegotiation(option: number, content: Uint8Array): Uint8Array {
  return Uint8Array.of(Telnet.IAC, Telnet.SB, option, ...escapeIac(content), Telnet.IAC, Telnet.SE);
}

type State = 'data' | 'command' | 'option' | 'subnegotiation' | 'subnegotiation-command';

/** No subnegotiation of RFC 2217 is longer than a signature text; more is not Telnet. */
const LONGEST_SUBNEGOTIATION = 1024;

/** Takes a Telnet stream apart, whatever the chunks it comes in. */
export class TelnetDecoder {
  #state: State = 'data';
  #verb = 0;
  #content: number[] = [];

  push(chunk: Uint8Array): TelnetEvent[] {
    const events: TelnetEvent[] = [];
    const data: number[] = [];
    const flush = () => {
      if (data.length > 0) events.push({ kind: 'data', bytes: Uint8Array.from(data.splice(0)) });
    };
    for (const byte of chunk) {
      if (this.#state === 'data' && byte !== Telnet.IAC) {
        data.push(byte);
        continue;
      }
      const event = this.#step(byte);
      if (event === 'escaped') data.push(byte);
      else if (event !== null) {
        flush();
        events.push(event);
      }
    }
    flush();
    return events;
  }

  #step(byte: number): TelnetEvent | 'escaped' | null {
    switch (this.#state) {
      case 'data':
        this.#state = 'command';
        return null;
      case 'command':
        return this.#command(byte);
      case 'option':
        this.#state = 'data';
        return { kind: 'option', verb: this.#verb, option: byte };
      case 'subnegotiation':
        if (byte === Telnet.IAC) this.#state = 'subnegotiation-command';
        else this.#keep(byte);
        return null;
      case 'subnegotiation-command':
        return this.#insideCommand(byte);
    }
  }

  #command(byte: number): 'escaped' | null {
    this.#state = 'data';
    if (byte === Telnet.IAC) return 'escaped';
    if (byte >= Telnet.WILL && byte <= Telnet.DONT) {
      this.#verb = byte;
      this.#state = 'option';
    }
    if (byte === Telnet.SB) {
      this.#content = [];
      this.#state = 'subnegotiation';
    }
    return null;
  }

  #insideCommand(byte: number): TelnetEvent | null {
    if (byte === Telnet.IAC) {
      this.#state = 'subnegotiation';
      this.#keep(byte);
      return null;
    }
    // IAC SE ends it; another command in its place does so as well.
    this.#state = 'data';
    const [option = 0, ...content] = this.#content;
    return { kind: 'subnegotiation', option, content: Uint8Array.from(content) };
  }

  #keep(byte: number): void {
    if (this.#content.length < LONGEST_SUBNEGOTIATION) this.#content.push(byte);
  }
}
