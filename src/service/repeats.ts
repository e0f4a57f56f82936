import type { Clock, Timer } from '../clock.ts';
import type { LogEvent, LogFields, Logger, LogLevel } from '../log.ts';

/** Fields that differ between two reports of the same trouble. */
const MEASUREMENTS = new Set(['elapsedMs', 'atMs']);

const MOST_REMEMBERED = 1_000;

/** How repeats are counted. */
export interface RepeatOptions {
  readonly clock: Clock;
  /** How long one line stands for all that are equal to it. */
  readonly windowMs: number;
}

interface Trouble {
  readonly say: (fields: LogFields) => void;
  readonly fields: LogFields;
  readonly endOfWindow: Timer;
  repeats: number;
}

/** A logger that counts identical warnings and errors instead of repeating them. */
export interface RepeatCounter {
  readonly logger: Logger;
  /** Says the counts that are still open, and stops counting. */
  close(): void;
}

/**
 * The first `warn` or `error` line passes at once. Equal ones (same level, event and fields, measurements aside) within
 * `windowMs` are counted, and the count is told at the end of the window as the same line with `repeats`. Other levels pass.
 */
export function countRepeats(target: Logger, options: RepeatOptions): RepeatCounter {
  const open = new Map<string, Trouble>();

  function settle(key: string): void {
    const trouble = open.get(key);
    open.delete(key);
    trouble?.endOfWindow.cancel();
    if (trouble !== undefined && trouble.repeats > 0) trouble.say({ ...trouble.fields, repeats: trouble.repeats });
  }

  function report(key: string, say: (fields: LogFields) => void, fields: LogFields): void {
    const known = open.get(key);
    if (known !== undefined) {
      known.repeats += 1;
      return;
    }
    const [oldest] = open.keys();
    if (open.size >= MOST_REMEMBERED && oldest !== undefined) settle(oldest);
    open.set(key, {
      say,
      fields,
      endOfWindow: options.clock.setTimer(options.windowMs, () => settle(key)),
      repeats: 0,
    });
    say(fields);
  }

  function wrap(inner: Logger, inherited: LogFields): Logger {
    const counted =
      (level: 'error' | 'warn') =>
      (event: LogEvent, fields: LogFields = {}) =>
        report(keyOf(level, event, { ...inherited, ...fields }), (all) => inner[level](event, all), fields);
    return {
      error: counted('error'),
      warn: counted('warn'),
      info: (event, fields) => inner.info(event, fields),
      debug: (event, fields) => inner.debug(event, fields),
      trace: (event, fields) => inner.trace(event, fields),
      child: (fields) => wrap(inner.child(fields), { ...inherited, ...fields }),
    };
  }

  return {
    logger: wrap(target, {}),
    close: () => {
      for (const key of [...open.keys()]) settle(key);
    },
  };
}

/** Errors count by code and message: their stacks and causes differ without telling anything new. */
function keyOf(level: LogLevel, event: string, fields: LogFields): string {
  const parts = Object.entries(fields)
    .filter(([name]) => !MEASUREMENTS.has(name))
    .map(([name, value]) => `${name}=${value instanceof Error ? `${value.name}: ${value.message}` : describe(value)}`);
  return [level, event, ...parts.sort()].join('\u0000');
}

function describe(value: unknown): string {
  if (value === null || typeof value !== 'object') return String(value);
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return Object.prototype.toString.call(value);
  }
}
