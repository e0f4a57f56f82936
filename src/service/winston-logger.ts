import type { Writable } from 'node:stream';
import { type Clock, sleep } from '../clock.ts';
import { type LogEvent, type LogFields, type Logger, type LogLevel, loggerOver } from '../log.ts';
import { jsonLine, type LogRecord, prettyLine } from './log-lines.ts';
import { isFinerThan, lineOutput } from './log-outputs.ts';
import { countRepeats } from './repeats.ts';
import { type RotatingFileSettings, rotatingFile } from './rotating-file.ts';
import { tolerantStream } from './tolerant-stream.ts';

/** `json`: one object per line. `pretty`: for people. */
export const LOG_FORMATS = ['json', 'pretty'] as const;

/** One of {@link LOG_FORMATS}. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** `log:` of the config. */
export interface LogSettings {
  readonly level: LogLevel;
  /** Of the lines on stdout; the file always holds JSON lines. */
  readonly format: LogFormat;
  readonly file: RotatingFileSettings | null;
}

/** Where lines go beside the file. */
export interface LogSurroundings {
  readonly stdout: Writable;
  /** Colours for `pretty`: the caller looks at the terminal and at NO_COLOR. */
  readonly colours: boolean;
  readonly clock: Clock;
}

/** The production logger, with what only its owner may do to it. */
export interface ServiceLog {
  readonly logger: Logger;
  /** Takes effect with the next line, in child loggers too. */
  setLevel(level: LogLevel): void;
  /** Resolves when every line is handed to the system, or after two seconds. Later lines are discarded. Safe to call twice. */
  close(): Promise<void>;
}

/** A stop must not wait for a reader of stdout that has stopped reading. */
const LONGEST_FLUSH_MS = 2_000;

/** Identical warnings and errors within this time are one line and a count. */
const REPEAT_WINDOW_MS = 60_000;

/** Builds the logger of the daemon over winston: lines on stdout and, where asked for, in a rotating file. */
export function createServiceLog(settings: LogSettings, around: LogSurroundings): ServiceLog {
  let level = settings.level;
  let closing: Promise<void> | null = null;
  const options = () => ({ withStacks: !isFinerThan('debug', level), colours: around.colours });
  const asJson = (record: LogRecord) => jsonLine(record, options());
  const asText = settings.format === 'pretty' ? (record: LogRecord) => prettyLine(record, options()) : asJson;

  const stdout = lineOutput(tolerantStream(around.stdout), asText);
  const outputs = [stdout];
  if (settings.file !== null) outputs.push(lineOutput(watchedFile(settings.file), asJson));

  /** Trouble with the file is told on stdout. */
  function watchedFile(file: RotatingFileSettings): Writable {
    return rotatingFile(file, {
      clock: around.clock,
      onTrouble: (error) => stdout.write(recordOf('error', 'log.file-failed', { path: file.path, error })),
      onRecovery: (lines) => stdout.write(recordOf('warn', 'log.file-recovered', { path: file.path, lines })),
    });
  }

  function recordOf(lineLevel: LogLevel, event: LogEvent, fields: LogFields): LogRecord {
    return { atMs: around.clock.now(), level: lineLevel, event, fields };
  }

  function write(lineLevel: LogLevel, event: LogEvent, fields: LogFields): void {
    if (closing !== null || isFinerThan(lineLevel, level)) return;
    const record = recordOf(lineLevel, event, fields);
    for (const output of outputs) output.write(record);
  }

  const repeats = countRepeats(loggerOver(write), { clock: around.clock, windowMs: REPEAT_WINDOW_MS });

  async function flush(): Promise<void> {
    const done = new AbortController();
    const tooLong = sleep(around.clock, LONGEST_FLUSH_MS, done.signal).catch(() => undefined);
    await Promise.race([Promise.all(outputs.map((output) => output.close())), tooLong]);
    done.abort();
  }

  return {
    logger: repeats.logger,
    setLevel: (next) => {
      level = next;
    },
    close: () => {
      if (closing !== null) return closing;
      repeats.close();
      closing = flush();
      return closing;
    },
  };
}
