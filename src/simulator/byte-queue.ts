/** Bytes in arrival order, taken out in portions of any size, without copying on the way in. */
export class ByteQueue {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  /** The first bytes, `maxBytes` at most; none when the queue is empty. */
  take(maxBytes: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let wanted = Math.min(maxBytes, this.#length);
    this.#length -= wanted;
    for (let first = this.#chunks[0]; wanted > 0 && first !== undefined; first = this.#chunks[0]) {
      parts.push(first.subarray(0, wanted));
      if (first.length > wanted) this.#chunks[0] = first.subarray(wanted);
      else this.#chunks.shift();
      wanted -= Math.min(wanted, first.length);
    }
    const only = parts[0];
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#length = 0;
  }
}
