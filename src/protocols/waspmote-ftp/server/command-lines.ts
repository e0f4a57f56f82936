/** The longest command line; RFC 959 names no limit, and the longest path here has 21 characters. */
const LONGEST_LINE_BYTES = 512;

/** Telnet's IAC, which begins a signal of two bytes (RFC 959, section 4.1.3: ABOR comes with one). */
const IAC = 0xff;

/** Cuts what arrives into lines. Memory does not grow with what a client sends without an end of line. */
export class CommandLines {
  #bytes: number[] = [];
  #isTooLong = false;
  #isSignal = false;

  /** The lines that are whole now, without their ends; null for one that was too long. */
  push(arrived: Uint8Array): readonly (string | null)[] {
    const lines: (string | null)[] = [];
    for (const byte of arrived) {
      if (this.#isSignal || byte === IAC) this.#isSignal = byte === IAC && !this.#isSignal;
      else if (byte === 0x0a) lines.push(this.#take());
      else if (this.#bytes.length < LONGEST_LINE_BYTES) this.#bytes.push(byte);
      else this.#isTooLong = true;
    }
    return lines;
  }

  #take(): string | null {
    const text = this.#isTooLong ? null : Buffer.from(this.#bytes).toString('latin1').replace(/\r$/, '');
    this.#bytes = [];
    this.#isTooLong = false;
    return text;
  }
}
