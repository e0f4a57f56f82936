/** Telnet (RFC 854) as far as RFC 2217 needs it. */
export const Telnet = { SE: 240, SB: 250, WILL: 251, WONT: 252, DO: 253, DONT: 254, IAC: 255 } as const;

/** What a stream of RFC 854 has said, taken apart. */
export type TelnetEvent =
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'negotiation'; readonly verb: number; readonly option: number }
  | { readonly kind: 'subnegotiation'; readonly option: number; readonly bytes: Uint8Array };

type State = 'data' | 'iac' | 'option' | 'sub' | 'sub-iac';

/** Takes bytes in portions of any size. */
export class TelnetDecoder {
  #state: State = 'data';
  #verb = 0;
  #sub: number[] = [];
  #data: number[] = [];
  #events: TelnetEvent[] = [];

  push(bytes: Uint8Array): TelnetEvent[] {
    for (const byte of bytes) this.#take(byte);
    this.#flush();
    return this.#events.splice(0);
  }

  #take(byte: number): void {
    switch (this.#state) {
      case 'data':
        if (byte === Telnet.IAC) this.#state = 'iac';
        else this.#data.push(byte);
        return;
      case 'iac':
        this.#command(byte);
        return;
      case 'option':
        this.#flush();
        this.#events.push({ kind: 'negotiation', verb: this.#verb, option: byte });
        this.#state = 'data';
        return;
      case 'sub':
        if (byte === Telnet.IAC) this.#state = 'sub-iac';
        else this.#sub.push(byte);
        return;
      case 'sub-iac':
        this.#endOfSub(byte);
    }
  }

  #command(byte: number): void {
    this.#state = 'data';
    if (byte === Telnet.IAC) this.#data.push(byte);
    else if (byte === Telnet.SB) {
      this.#sub = [];
      this.#state = 'sub';
    } else if (byte >= Telnet.WILL) {
      this.#verb = byte;
      this.#state = 'option';
    }
  }

  #endOfSub(byte: number): void {
    if (byte === Telnet.IAC) {
      this.#sub.push(byte);
      this.#state = 'sub';
      return;
    }
    this.#flush();
    const [option = 0, ...rest] = this.#sub;
    this.#events.push({ kind: 'subnegotiation', option, bytes: Uint8Array.from(rest) });
    this.#state = 'data';
  }

  #flush(): void {
    if (this.#data.length > 0) this.#events.push({ kind: 'data', bytes: Uint8Array.from(this.#data) });
    this.#data = [];
  }
}

/** Data as it goes over the line: FF is doubled. */
export function escapeTelnet(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(Telnet.IAC)) return bytes;
  const doubled = new Uint8Array(2 * bytes.length);
  let length = 0;
  for (const byte of bytes) {
    doubled[length++] = byte;
    if (byte === Telnet.IAC) doubled[length++] = byte;
  }
  return doubled.subarray(0, length);
}

/** WILL, WONT, DO or DONT, and an option. */
export function negotiation(verb: number, option: number): Uint8Array {
  return Uint8Array.from([Telnet.IAC, verb, option]);
}

/** IAC in `bytes` is doubled. */
export function subnegotiation(option: number, bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([Telnet.IAC, Telnet.SB, option, ...escapeTelnet(bytes), Telnet.IAC, Telnet.SE]);
}
