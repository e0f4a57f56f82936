import { type DnsQuestion, foldName } from './dns-message.ts';

/** How long a question explains an answer. RFC 6762 has 20 to 500 ms; a sketch that blocks its loop answers seconds late. */
const EXPLAINS_MS = 5000;
/** One answer may come as several packets. */
const SAME_ANSWER_MS = 150;
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
 * was restarting must not explain away its announcements. Time is passed in (monotonic milliseconds).
 */
export class Solicitation {
  readonly #asked = new Map<string, number>();
  readonly #answered = new Map<string, LastAnswer>();

  /** A question was sent or heard. */
  ask(question: DnsQuestion, nowMs: number): void {
    if (this.#asked.size >= MAX_REMEMBERED) this.#forgetOld(nowMs);
    if (this.#asked.size < MAX_REMEMBERED) this.#asked.set(keyOf(question), nowMs);
  }

  /**
   * Is a response explained by a question? Uses up, for this responder, the question for each record it holds.
   *
   * @param records name and type of everything in the response
   */
  explains(responder: string, records: readonly DnsQuestion[], nowMs: number): boolean {
    const keys = records.flatMap(({ name, type }) => [keyOf({ name, type }), keyOf({ name, type: 'ANY' })]);
    return [...new Set(keys)].filter((key) => this.#useUp(key, responder, nowMs)).length > 0;
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

function keyOf({ name, type }: DnsQuestion): string {
  return `${type} ${foldName(name)}`;
}
