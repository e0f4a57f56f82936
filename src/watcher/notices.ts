import type { FlashError } from '../errors.ts';
import type { LogEvent, LogFields, Logger } from '../log.ts';

/** Says each trouble once: a scan that meets it again every few seconds only counts. */
export class Notices {
  readonly #log: Logger;
  readonly #open = new Map<string, { code: string; times: number }>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** `subject` is what the trouble is with; only one trouble of it is open at a time. */
  tell(subject: string, event: LogEvent, error: FlashError, fields: LogFields = {}): void {
    const known = this.#open.get(subject);
    if (known?.code === error.code) {
      known.times += 1;
      return;
    }
    this.#open.set(subject, { code: error.code, times: 1 });
    this.#log.warn(event, { ...fields, code: error.code, message: error.message, hint: error.hint });
  }

  /** The trouble with `subject` is over, or the subject itself is. */
  settle(subject: string, fields: LogFields = {}): void {
    const known = this.#open.get(subject);
    if (known === undefined) return;
    this.#open.delete(subject);
    this.#log.debug('drop.trouble_over', { ...fields, ...known });
  }
}
