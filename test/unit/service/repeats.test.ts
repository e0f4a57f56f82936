import { describe, expect, it } from 'vitest';
import type { LogFields, Logger } from '../../../src/log.ts';
import { countRepeats } from '../../../src/service/repeats.ts';
import { manualClock } from './manual-clock.ts';

function recorder(): { readonly lines: string[]; readonly logger: Logger } {
  const lines: string[] = [];
  const over = (inherited: LogFields): Logger => {
    const at = (level: string) => (event: string, fields?: LogFields) =>
      void lines.push(`${level} ${event} ${JSON.stringify({ ...inherited, ...fields })}`);
    return {
      error: at('error'),
      warn: at('warn'),
      info: at('info'),
      debug: at('debug'),
      trace: at('trace'),
      child: (fields) => over({ ...inherited, ...fields }),
    };
  };
  return { lines, logger: over({}) };
}

function counting() {
  const clock = manualClock();
  const { lines, logger } = recorder();
  return { clock, lines, ...countRepeats(logger, { clock, windowMs: 1_000 }) };
}

describe('repeated trouble', () => {
  it('is said once, then counted at the end of the window', () => {
    const { clock, lines, logger } = counting();
    for (let turn = 0; turn < 5; turn += 1) logger.warn('mdns.malformed', { code: 'X', elapsedMs: turn });
    expect(lines).toEqual(['warn mdns.malformed {"code":"X","elapsedMs":0}']);
    clock.advance(1_000);
    expect(lines).toEqual([lines[0], 'warn mdns.malformed {"code":"X","elapsedMs":0,"repeats":4}']);
  });

  it('is said again in the next window, and not counted when it came once', () => {
    const { clock, lines, logger } = counting();
    logger.error('a.b');
    clock.advance(1_000);
    logger.error('a.b');
    expect(lines).toEqual(['error a.b {}', 'error a.b {}']);
  });

  it('is another trouble when a field, a child or the level differs', () => {
    const { lines, logger } = counting();
    logger.warn('a.b', { device: 'x' });
    logger.warn('a.b', { device: 'y' });
    logger.child({ device: 'z' }).warn('a.b');
    logger.error('a.b', { device: 'x' });
    logger.child({ device: 'x' }).warn('a.b');
    expect(lines).toHaveLength(4);
  });

  it('counts errors by their message, not by their stack', () => {
    const { lines, logger } = counting();
    for (const message of ['one', 'one', 'two']) logger.error('a.b', { error: new Error(message) });
    expect(lines).toHaveLength(2);
  });

  it('never holds back what is not trouble', () => {
    const { lines, logger } = counting();
    logger.info('job.started');
    logger.info('job.started');
    expect(lines).toHaveLength(2);
  });

  it('tells open counts when it is closed', () => {
    const { close, lines, logger } = counting();
    logger.child({ rule: 'r' }).warn('c.d');
    logger.child({ rule: 'r' }).warn('c.d');
    close();
    expect(lines.at(-1)).toBe('warn c.d {"rule":"r","repeats":1}');
  });

  it('forgets the oldest rather than growing without end', () => {
    const { lines, logger } = counting();
    for (let turn = 0; turn < 1_001; turn += 1) logger.warn('a.b', { turn });
    logger.warn('a.b', { turn: 0 });
    expect(lines).toHaveLength(1_002);
  });
});
