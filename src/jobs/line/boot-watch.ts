import type { BootCheck } from '../../model/rule.ts';

/** What is kept to be searched: more than any bootloader and framework print before an application begins. */
const KEPT_CHARACTERS = 32_768;
/** What goes into the record. */
const EXCERPT_CHARACTERS = 2_000;

/** What the boot text has shown so far. */
export type BootVerdict =
  | { readonly kind: 'undecided' }
  | { readonly kind: 'passed' }
  | { readonly kind: 'rejected'; readonly found: string };

/** Holds the boot text of a board against a rule's `boot-check`. Pure: bytes in, verdict out. */
export class BootWatch {
  readonly #expect: RegExp | null;
  readonly #reject: RegExp | null;
  #text = '';
  #verdict: BootVerdict = { kind: 'undecided' };

  constructor({ expect, reject }: Pick<BootCheck, 'expect' | 'reject'>) {
    this.#expect = expect === null ? null : new RegExp(expect, 'm');
    this.#reject = reject === null ? null : new RegExp(reject, 'm');
  }

  /** What must not appear counts before what must: a text that holds both is of a board that goes wrong. */
  feed(bytes: Uint8Array): BootVerdict {
    this.#text = (this.#text + Buffer.from(bytes).toString('latin1')).slice(-KEPT_CHARACTERS);
    this.#verdict = this.#judge();
    return this.#verdict;
  }

  /** As of the last bytes. */
  get verdict(): BootVerdict {
    return this.#verdict;
  }

  #judge(): BootVerdict {
    const [rejected] = this.#reject?.exec(this.#text) ?? [];
    if (rejected !== undefined) return { kind: 'rejected', found: rejected };
    return this.#expect?.test(this.#text) ? { kind: 'passed' } : { kind: 'undecided' };
  }

  /** The word when the time is over: with nothing to wait for, silence is good. */
  get isGoodAtEnd(): boolean {
    return this.#expect === null;
  }

  /** The end of the text for a record: lines kept, other control characters made visible. */
  get excerpt(): string {
    const visible = this.#text.replaceAll('\r\n', '\n').replaceAll(/[^\n\t\x20-\x7e]/g, '.');
    return visible.slice(-EXCERPT_CHARACTERS);
  }
}
