/** Serial Line IP framing (RFC 1055) as Espressif's loaders use it: each frame stands between two END bytes. */
const END = 0xc0;
const ESC = 0xdb;
const ESC_END = 0xdc;
const ESC_ESC = 0xdd;

/** The longest that a loader has room for: a stub's block of 0x4000 with its headers, or a whole MEM_DATA block. */
const LONGEST_FRAME = 0x10000;

/** The frame as it goes over the line, both END bytes included. */
export function encodeSlip(frame: Uint8Array): Uint8Array {
  const out = new Uint8Array(frame.length * 2 + 2);
  let length = 0;
  out[length++] = END;
  for (const byte of frame) {
    if (byte === END || byte === ESC) {
      out[length++] = ESC;
      out[length++] = byte === END ? ESC_END : ESC_ESC;
    } else out[length++] = byte;
  }
  out[length++] = END;
  return out.slice(0, length);
}

/** Takes bytes in portions of any size. What stands before the first END is noise; a frame with a broken escape is lost. */
export class SlipDecoder {
  readonly #frame = new Uint8Array(LONGEST_FRAME);
  #length = 0;
  #isInside = false;
  #isEscaped = false;
  #isBroken = false;

  /** The frames that these bytes complete. */
  push(bytes: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (const byte of bytes) {
      if (byte === END) this.#finish(frames);
      else if (this.#isInside) this.#take(byte);
    }
    return frames;
  }

  #finish(frames: Uint8Array[]): void {
    if (this.#length > 0 && !this.#isBroken && !this.#isEscaped) frames.push(this.#frame.slice(0, this.#length));
    this.#length = 0;
    this.#isInside = true;
    this.#isEscaped = false;
    this.#isBroken = false;
  }

  #take(byte: number): void {
    if (this.#isEscaped) {
      this.#isEscaped = false;
      if (byte === ESC_END) this.#append(END);
      else if (byte === ESC_ESC) this.#append(ESC);
      else this.#isBroken = true;
    } else if (byte === ESC) this.#isEscaped = true;
    else this.#append(byte);
  }

  #append(byte: number): void {
    if (this.#length === LONGEST_FRAME) this.#isBroken = true;
    else this.#frame[this.#length++] = byte;
  }
}
