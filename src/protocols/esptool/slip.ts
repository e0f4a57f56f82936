/** SLIP (RFC 1055), as ESP loaders use it: a frame begins and ends with END. */
export const END = 0xc0;
const ESCAPE = 0xdb;
const ESCAPED_END = 0xdc;
const ESCAPED_ESCAPE = 0xdd;

/** More than any loader sends in one frame (4096 bytes of flash); what is longer is noise. */
const LONGEST_FRAME = 64 * 1024;

/** One frame, with an END on both sides (RFC 1055). */
export function encodeSlip(bytes: Uint8Array): Uint8Array {
  let special = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === END || byte === ESCAPE) special++;
  }
  const frame = new Uint8Array(bytes.length + special + 2);
  let to = 0;
  frame[to++] = END;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === END || byte === ESCAPE) {
      frame[to++] = ESCAPE;
      frame[to++] = byte === END ? ESCAPED_END : ESCAPED_ESCAPE;
    } else {
      frame[to++] = byte;
    }
  }
  frame[to] = END;
  return frame;
}

/**
 * Takes a stream apart into frames, whatever the chunks it comes in. Everything between two ENDs is a frame, so that noise between frames
 * costs no frame: it comes out as one of its own, and the reader above sees that it is none. What stands before the first END is dropped.
 */
export class SlipDecoder {
  #frame = new Uint8Array(1024);
  #length = 0;
  #state: 'before' | 'inside' | 'escape' | 'damaged' = 'before';

  /** The frames that end in this chunk, without empty ones. */
  push(chunk: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (byte === END) this.#end(frames);
      else if (this.#state === 'inside') this.#inside(byte);
      else if (this.#state === 'escape') this.#escaped(byte);
    }
    return frames;
  }

  /** Back to the start: what follows belongs to nothing before. */
  reset(): void {
    this.#length = 0;
    this.#state = 'before';
  }

  #end(frames: Uint8Array[]): void {
    if (this.#state === 'inside' && this.#length > 0) frames.push(this.#frame.slice(0, this.#length));
    this.#length = 0;
    this.#state = 'inside';
  }

  #inside(byte: number): void {
    if (byte === ESCAPE) this.#state = 'escape';
    else this.#keep(byte);
  }

  #escaped(byte: number): void {
    this.#state = 'inside';
    if (byte === ESCAPED_END) this.#keep(END);
    else if (byte === ESCAPED_ESCAPE) this.#keep(ESCAPE);
    else this.#state = 'damaged';
  }

  #keep(byte: number): void {
    if (this.#length === LONGEST_FRAME) {
      this.#state = 'damaged';
      return;
    }
    if (this.#length === this.#frame.length) {
      const larger = new Uint8Array(this.#frame.length * 2);
      larger.set(this.#frame);
      this.#frame = larger;
    }
    this.#frame[this.#length++] = byte;
  }
}
