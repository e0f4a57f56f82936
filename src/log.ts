/** From the one that is always logged to the finest. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;
/** Each level includes those before it. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Constant text, `area.what`. The names of docs/architecture.md, "Log", are a contract with those who read the log. */
export type LogEvent = `${string}.${string}`;

/** What may stand beside `event`. Never a password, nonce or key. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * What every part logs through. `info` is what an operator did or must know, `debug` a decision, `trace` what is too much even for that.
 * The production logger stands in `service/`.
 */
export interface Logger {
  error(event: LogEvent, fields?: LogFields): void;
  warn(event: LogEvent, fields?: LogFields): void;
  info(event: LogEvent, fields?: LogFields): void;
  debug(event: LogEvent, fields?: LogFields): void;
  trace(event: LogEvent, fields?: LogFields): void;
  /** A logger that adds `fields` to each line. */
  child(fields: LogFields): Logger;
}

/** Discards everything: for one-shot commands and tests that do not look at the log. */
export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  trace: () => undefined,
  child: () => silentLogger,
};

/** Called with each event, of whatever level, before the logger decides whether to write it. */
export type LogTap = (level: LogLevel, event: LogEvent, fields: LogFields) => void;

/** A logger that hands each event to `write`, with all its fields: those of its own line and those it inherits. */
export function loggerOver(
  write: (level: LogLevel, event: LogEvent, fields: LogFields) => void,
  inherited: LogFields = {},
): Logger {
  const at =
    (level: LogLevel) =>
    (event: LogEvent, fields: LogFields = {}) =>
      write(level, event, { ...inherited, ...fields });
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
    child: (fields) => loggerOver(write, { ...inherited, ...fields }),
  };
}

/** A logger that hands each event, with all its fields, to `tap` as well: the log's events are the daemon's events. */
export function tapped(logger: Logger, tap: LogTap): Logger {
  return loggerOver((level, event, fields) => {
    logger[level](event, fields);
    tap(level, event, fields);
  });
}
