import { decodeText } from './codec.ts';
import { WORDS_LIMIT } from './constants.ts';

/** What the device has said on the TCP connection so far, apart from counts. */
export type Verdict =
  /** Nothing but counts, or the first half of `OK`. */
  | 'pending'
  /** Counts, then `OK`, and nothing else. */
  | 'ok'
  /** Other words. More of them may be on their way. */
  | 'words';

/**
 * Collects what a device prints while it takes an image: counts without separators, then `OK` or a refusal, in pieces of any size.
 * Anything that is not exactly counts and `OK` is no success.
 */
export class Replies {
  #words = '';

  /** @returns the digits among the new text, as long as no word has begun */
  push(bytes: Uint8Array): string {
    const text = decodeText(bytes);
    if (this.#words !== '') {
      this.#append(text);
      return '';
    }
    const start = text.search(/[^\d\s]/);
    if (start === -1) return text.replaceAll(/\s/g, '');
    this.#append(text.slice(start));
    return text.slice(0, start).replaceAll(/\s/g, '');
  }

  /** Everything from the first character on that is no count; cut at a limit. */
  get words(): string {
    return this.#words;
  }

  /** Its last word is followed by a line break. */
  get endsLine(): boolean {
    return this.#words.endsWith('\n');
  }

  get isFull(): boolean {
    return this.#words.length >= WORDS_LIMIT;
  }

  get verdict(): Verdict {
    const words = this.#words.trimEnd();
    if (words === 'OK') return 'ok';
    return words === '' || words === 'O' ? 'pending' : 'words';
  }

  #append(text: string): void {
    this.#words = (this.#words + text).slice(0, WORDS_LIMIT);
  }
}
