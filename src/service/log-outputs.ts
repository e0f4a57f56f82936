import { once } from 'node:events';
import type { Writable } from 'node:stream';
import winston from 'winston';
import { LOG_LEVELS, type LogLevel } from '../log.ts';
import type { LogRecord } from './log-lines.ts';

/** One place the lines go to. */
export interface LogOutput {
  write(record: LogRecord): void;
  /** Resolves when every line has left `stream`'s buffer, and ends the stream. */
  close(): Promise<void>;
}

/** What may wait for a slow reader before lines are dropped and counted. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024;

/** winston's way of ordering levels: the smaller the number, the more important. */
const LEVELS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3, trace: 4 };

/** Is `level` left out when the log is at `threshold`? */
export function isFinerThan(level: LogLevel, threshold: LogLevel): boolean {
  return LEVELS[level] > LEVELS[threshold];
}

/**
 * Lines into a stream, through a winston logger of its own: a transport that stalls stalls all transports of its logger, and a full
 * disk must not silence stdout. While the stream does not keep up, lines are dropped, and the next line that has room tells how many.
 */
export function lineOutput(stream: Writable, render: (record: LogRecord) => string): LogOutput {
  const transport = new winston.transports.Stream({ stream, eol: '\n' });
  const logger = winston.createLogger({
    levels: LEVELS,
    // The threshold stands before the outputs, where it can change at run time; what arrives here is to be written.
    level: LOG_LEVELS.at(-1) ?? 'trace',
    format: winston.format.printf((info) => render(info['record'] as LogRecord)),
    transports: [transport],
  });
  const print = (record: LogRecord) => logger.log({ level: record.level, message: record.event, record });
  let dropped = 0;
  return {
    write: (record) => {
      if (stream.writableLength >= MOST_WAITING_BYTES) {
        dropped += 1;
        return;
      }
      if (dropped > 0) print({ atMs: record.atMs, level: 'warn', event: 'log.dropped', fields: { lines: dropped } });
      dropped = 0;
      print(record);
    },
    close: async () => {
      const handedOn = once(transport, 'finish');
      logger.end();
      await handedOn;
      await new Promise<void>((resolve) => stream.end(resolve));
    },
  };
}
