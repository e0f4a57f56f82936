/** What an OTA datagram says, read as the devices read it (`parseInt` and `readStringUntil` of ArduinoOTA.cpp). */
export const COMMAND_APP = 0;
const COMMAND_FILESYSTEM = 100;
const COMMAND_LOGIN = 200;

/** As the device reads it. */
export interface Invitation {
  readonly command: typeof COMMAND_APP | typeof COMMAND_FILESYSTEM;
  readonly tcpPort: number;
  readonly sizeBytes: number;
  readonly md5: string;
}

/** As the device reads it; nothing of it is checked yet. */
export interface LoginAnswer {
  readonly cnonce: string;
  readonly response: string;
}

const LONGEST_NUMBER = 15;

class DatagramReader {
  readonly #text: string;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#text = Buffer.from(bytes).toString('latin1');
  }

  /** Skips blanks, takes digits. No digits is 0, as is a number with too many of them. */
  number(): number {
    while (this.#text[this.#at] === ' ') this.#at += 1;
    const digits = /^[0-9]*/.exec(this.#text.slice(this.#at))?.[0] ?? '';
    this.#at += digits.length;
    return digits.length > LONGEST_NUMBER ? 0 : Number(digits);
  }

  skip(): void {
    this.#at += 1;
  }

  /** Up to `end`, a NUL or the end of the datagram; the terminator is consumed. */
  until(end: string): string {
    const start = this.#at;
    while (this.#at < this.#text.length && this.#text[this.#at] !== end && this.#text[this.#at] !== '\0') this.#at += 1;
    const found = this.#text.slice(start, this.#at);
    this.#at += 1;
    return found;
  }
}

/** `<cmd> <tcpport> <size> <md5>\n`, or null where a device drops the datagram without a word. */
export function readInvitation(bytes: Uint8Array): Invitation | null {
  const reader = new DatagramReader(bytes);
  const command = reader.number();
  if (command !== COMMAND_APP && command !== COMMAND_FILESYSTEM) return null;
  const tcpPort = reader.number() & 0xffff; // uint16_t _ota_port
  const sizeBytes = reader.number();
  reader.skip();
  const md5 = reader.until('\n').trim();
  return md5.length === 32 ? { command, tcpPort, sizeBytes, md5 } : null;
}

/** `200 <cnonce> <response>\n`, or null where the command is another one. Lengths are the caller's to judge. */
export function readLoginAnswer(bytes: Uint8Array): LoginAnswer | null {
  const reader = new DatagramReader(bytes);
  if (reader.number() !== COMMAND_LOGIN) return null;
  reader.skip();
  const cnonce = reader.until(' ');
  return { cnonce, response: reader.until('\n') };
}
