import type { Clock } from '../clock.ts';
import type { LogEvent, LogFields, LogLevel } from '../log.ts';
import { printableFields } from '../service/log-fields.ts';
import type { EventDocument } from './documents.ts';

/** Called synchronously with each event of the log; must not throw. */
export type EventListener = (event: EventDocument) => void;

/** Hands each event of the log to whoever listens: the commands that watch, and the hooks. Costs nothing while nobody does. */
export class EventFeed {
  readonly #clock: Clock;
  readonly #listeners = new Set<EventListener>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns the way to end it. */
  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  /** Fields are made safe to print, as they are for the log: bounded, and without anything that looks like a secret. */
  publish(level: LogLevel, event: LogEvent, fields: LogFields): void {
    if (!this.isHeard) return;
    const document = this.document(level, event, fields);
    for (const listener of this.#listeners) listener(document);
  }

  /** An event as listeners get it, with the time of now. */
  document(level: LogLevel, event: LogEvent, fields: LogFields): EventDocument {
    return { ...printableFields(fields, { withStacks: false }), atMs: this.#clock.now(), level, event };
  }
}
