import type { Clock } from '../clock.ts';
import { type ErrorReport, FlashError } from '../errors.ts';
import type { EntryName } from './entry-name.ts';
import type { Gathered, GatheredContent, Gathering } from './gathering.ts';
import type { Snapshot } from './snapshot.ts';

/** An image of a release that was rejected is refused for so long when it comes by itself. */
const REFUSED_FOR_MS = 3_600_000;
/** A release file whose images are still to come is looked at so often. */
const POLL_MS = 250;

/** A release file and its images, as they have stood for some time. */
export interface ReleaseSet {
  readonly gathered: Gathered;
  readonly content: GatheredContent;
}

/** What is to be done with a release file and its images. */
export type SetVerdict =
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'take'; readonly set: ReleaseSet }
  | { readonly kind: 'reject'; readonly set: ReleaseSet; readonly problem: ErrorReport };

interface State {
  readonly gathered: Gathered;
  readonly sinceMs: number;
  content: GatheredContent | null;
}

/** What release files beside their images are judged with. */
export interface ReleaseFilesParts {
  readonly gathering: Gathering;
  readonly clock: Clock;
  readonly confirmMs: number;
  readonly settleMs: number;
  /** Does a writer that can be seen still hold this file open? */
  readonly isHeld: (name: EntryName) => boolean;
}

/** The release files that wait for their images, and which images may not be taken by themselves because of them. */
export class ReleaseFiles {
  readonly #parts: ReleaseFilesParts;
  /** By the key of the release file; null: not looked into yet. */
  readonly #states = new Map<string, State | null>();
  readonly #refused = new Map<string, { readonly error: ErrorReport; readonly untilMs: number }>();

  constructor(parts: ReleaseFilesParts) {
    this.#parts = parts;
  }

  /** A release file has appeared: until it was looked into, any file may be one of its images. */
  expect(name: EntryName): void {
    if (!this.#states.has(name.key)) this.#states.set(name.key, null);
  }

  forget(name: EntryName): void {
    this.#states.delete(name.key);
  }

  /** Whether a file has to wait for a release that it may belong to. */
  isClaimed({ key }: EntryName): boolean {
    return [...this.#states.values()].some(
      (state) =>
        state === null ||
        state.gathered.manifest === null ||
        state.gathered.images.some(({ name }) => name.key === key),
    );
  }

  /** Why a file is not used that belongs to a release which was rejected; null: it does not. */
  refusalOf({ key, text }: EntryName): ErrorReport | null {
    const refused = this.#refused.get(key);
    if (refused === undefined) return null;
    if (this.#parts.clock.monotonic() >= refused.untilMs) {
      this.#refused.delete(key);
      return null;
    }
    const message = `"${text}" belongs to a release that was rejected: ${refused.error.message}`;
    return new FlashError('RELEASE_REJECTED', message).toJSON();
  }

  refuse(names: readonly EntryName[], error: ErrorReport): void {
    const untilMs = this.#parts.clock.monotonic() + REFUSED_FOR_MS;
    for (const { key } of names) this.#refused.set(key, { error, untilMs });
  }

  admit(names: readonly EntryName[]): void {
    for (const { key } of names) this.#refused.delete(key);
  }

  /** Looks at a release file and its images, and says what follows. Throws what reading and the trust gate throw. */
  async judge(name: EntryName, snapshot: Snapshot): Promise<SetVerdict> {
    const { gathering, clock, confirmMs } = this.#parts;
    const gathered = await gathering.look(name, snapshot);
    const nowMs = clock.monotonic();
    const soon: SetVerdict = { kind: 'wait', untilMs: nowMs + confirmMs };
    if (gathered === null) return soon;
    const state = this.#observe(name, gathered, nowMs);
    if (nowMs - state.sinceMs < confirmMs || this.#isBeingWritten(state, nowMs)) return soon;
    state.content ??= await gathering.read(name, state.gathered);
    const { content } = state;
    if (content === null) return soon;
    const dueMs = state.sinceMs + content.neededMs;
    if (nowMs < dueMs) return { kind: 'wait', untilMs: Math.min(dueMs, nowMs + POLL_MS) };
    const [problem] = content.reading.problems;
    const set = { gathered: state.gathered, content };
    return problem === undefined ? { kind: 'take', set } : { kind: 'reject', set, problem };
  }

  #observe(name: EntryName, gathered: Gathered, nowMs: number): State {
    const before = this.#states.get(name.key);
    if (before != null && before.gathered.fingerprint === gathered.fingerprint) return before;
    const state: State = { gathered, sinceMs: nowMs, content: null };
    this.#states.set(name.key, state);
    return state;
  }

  #isBeingWritten({ gathered, sinceMs }: State, nowMs: number): boolean {
    const { isHeld, settleMs } = this.#parts;
    return (
      nowMs - sinceMs < settleMs && gathered.images.some(({ name, snapshot }) => snapshot !== null && isHeld(name))
    );
  }
}
