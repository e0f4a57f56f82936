import { type DnsQuestion, foldName } from './dns-message.ts';

/** How long a question explains an answer. RFC 6762 has 20 to 500 ms; a sketch that blocks its loop answers seconds late. */
const EXPLAINS_MS = 5000;
/** One answer may come as several packets. */
const SAME_ANSWER_MS = 150;
/** What an announcement holds in its answer section, all of it (RFC 6762, section 8.3). */
const WHOLE = ['PTR', 'SRV', 'TXT'] as const;
/** A network full of browsers must not fill the memory. */
const MAX_REMEMBERED = 8192;

interface LastAnswer {
  /** When the question was put that this answer used up. */
  readonly askedMs: number;
  readonly answeredMs: number;
}

/**
 * Tells announcements from answers. RFC 6762 marks neither: an announcement (section 8.3) is a response that no question asked for.
 * Questions are multicast, so this host hears those of other hosts as well. The latest question explains one answer of each
 * responder; what comes beyond that came unasked. Older questions without an answer explain nothing: those put to a device that
 * was restarting must not explain away its announcements.
 *
 * Most responders put into the answer section what was asked for and no more, as both cores do. Of such a one, all records at once are
 * an announcement, whatever was asked; one that was never seen to be so terse may just be talkative. Time is passed in (monotonic
 * milliseconds).
 */
export class Solicitation {
  readonly #asked = new Map<string, number>();
  readonly #answered = new Map<string, LastAnswer>();
  readonly #terse = new Set<string>();

  /** A question was sent or heard. */
  ask(question: DnsQuestion, nowMs: number): void {
    if (this.#asked.size >= MAX_REMEMBERED) this.#forgetOld(nowMs);
    if (this.#asked.size < MAX_REMEMBERED) this.#asked.set(keyOf(question), nowMs);
  }

  /**
   * Is a response explained by a question? Uses up, for this responder, the question for each record it holds.
   *
   * @param answers name and type of what stands in the answer section
   * @param additionals the same of what stands behind it
   */
  explains(
    responder: string,
    answers: readonly DnsQuestion[],
    additionals: readonly DnsQuestion[],
    nowMs: number,
  ): boolean {
    const isWhole = WHOLE.every((type) => answers.some((record) => record.type === type));
    if (isWhole && this.#terse.has(responder) && !answers.every((record) => this.#wasAsked(record, nowMs)))
      return false;
    const keys = new Set([...answers, ...additionals].flatMap(keysOf));
    const isExplained = [...keys].filter((key) => this.#useUp(key, responder, nowMs)).length > 0;
    if (isExplained && !isWhole && this.#terse.size < MAX_REMEMBERED) this.#terse.add(responder);
    return isExplained;
  }

  #wasAsked(record: DnsQuestion, nowMs: number): boolean {
    return keysOf(record).some((key) => nowMs - (this.#asked.get(key) ?? Number.NEGATIVE_INFINITY) < EXPLAINS_MS);
  }

  #useUp(key: string, responder: string, nowMs: number): boolean {
    const answer = `${responder} ${key}`;
    const last = this.#answered.get(answer);
    const askedMs = this.#asked.get(key) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - askedMs >= EXPLAINS_MS || (last !== undefined && askedMs <= last.askedMs)) {
      return last !== undefined && nowMs - last.answeredMs < SAME_ANSWER_MS;
    }
    if (this.#answered.size >= MAX_REMEMBERED) this.#forgetOld(nowMs);
    this.#answered.set(answer, { askedMs, answeredMs: nowMs });
    return true;
  }

  #forgetOld(nowMs: number): void {
    for (const [key, askedMs] of this.#asked) if (nowMs - askedMs >= EXPLAINS_MS) this.#asked.delete(key);
    for (const [key, { answeredMs }] of this.#answered) {
      if (nowMs - answeredMs >= EXPLAINS_MS) this.#answered.delete(key);
    }
  }
}

/** The questions that a record answers. */
function keysOf({ name, type }: DnsQuestion): string[] {
  return [keyOf({ name, type }), keyOf({ name, type: 'ANY' })];
}

function keyOf({ name, type }: DnsQuestion): string {
  return `${type} ${foldName(name)}`;
}
