import { describe, expect, it } from 'vitest';
import { FlashError } from '../../../src/errors.ts';
import type { LogFields } from '../../../src/log.ts';
import { jsonLine, prettyLine } from '../../../src/service/log-lines.ts';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 67);

function json(fields: LogFields, withStacks = false): Record<string, unknown> {
  return JSON.parse(jsonLine({ atMs: AT, level: 'info', event: 'job.started', fields }, { withStacks }));
}

function pretty(fields: LogFields, colours = false): string {
  return prettyLine({ atMs: AT, level: 'warn', event: 'job.retry', fields }, { withStacks: false, colours });
}

describe('a JSON line', () => {
  it('begins with time, level and event, then the fields of the contract in their order', () => {
    const line = json({ zone: 'z', code: 'X', elapsedMs: 5, job: 'j', attempt: 2, device: 'd' });
    expect(Object.keys(line)).toEqual([
      'ts',
      'level',
      'event',
      'job',
      'device',
      'attempt',
      'elapsedMs',
      'code',
      'zone',
    ]);
    expect(line['ts']).toBe('2026-01-02T03:04:05.067Z');
  });

  it('lets no field pass for its own head', () => {
    expect(json({ level: 'fake', event: 'x', ts: 0 })).toMatchObject({
      level: 'info',
      event: 'job.started',
      level_: 'fake',
      event_: 'x',
      ts_: 0,
    });
  });

  it('never shows the value of a secret key, at any depth', () => {
    const text = JSON.stringify(
      json({
        password: 'hunter2',
        otaPassword: 'hunter2',
        OTA_TOKEN: 'hunter2',
        deep: [{ 'api-key': 'hunter2', cnonce: 'hunter2' }],
        error: new FlashError('IMAGE_EMPTY', 'empty', { details: { nonce: 'hunter2' } }),
        keys: ['mac:aa'],
      }),
    );
    expect(text).not.toContain('hunter2');
    expect(text).toContain('mac:aa');
  });

  it('gives a FlashError as code, message, hint and step, and lifts the code', () => {
    const error = new FlashError('IMAGE_EMPTY', 'a.bin is empty', { step: 'prepare', cause: new Error('why') });
    expect(json({ error })).toMatchObject({
      code: 'IMAGE_EMPTY',
      error: {
        code: 'IMAGE_EMPTY',
        message: 'a.bin is empty',
        hint: error.hint,
        step: 'prepare',
        cause: { message: 'why' },
      },
    });
  });

  it('shows the stack of an unknown error only where asked for', () => {
    const error = new TypeError('boom');
    expect(json({ error })['error']).toEqual({ name: 'TypeError', message: 'boom' });
    expect(json({ error }, true)['error']).toHaveProperty('stack', error.stack);
  });

  it('survives what JSON cannot carry', () => {
    const circular: Record<string, unknown> = { n: 1n, huge: 2n ** 80n, nan: Number.NaN, f: () => 1, u: undefined };
    circular['self'] = circular;
    Object.defineProperty(circular, 'trap', {
      enumerable: true,
      get: () => {
        throw new Error('trap');
      },
    });
    expect(
      json({ circular, when: new Date(0), bad: new Date(Number.NaN), map: new Map([['a', new Set([1])]]) }),
    ).toMatchObject({
      circular: { n: 1, huge: String(2n ** 80n), nan: 'NaN', self: '[circular]', trap: '[unreadable]' },
      when: '1970-01-01T00:00:00.000Z',
      bad: 'Invalid Date',
      map: { a: [1] },
    });
  });

  it('stays bounded and one line, whatever the fields', () => {
    const wide = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`f${index}`, 'x'.repeat(1_500)]));
    const line = jsonLine(
      {
        atMs: AT,
        level: 'info',
        event: 'a.b',
        fields: { job: 'j1', ...wide, text: 'y'.repeat(1e6), bytes: new Uint8Array(1e6) },
      },
      { withStacks: false },
    );
    expect(line.length).toBeLessThan(32_000);
    expect(JSON.parse(line)).toMatchObject({ job: 'j1', truncatedFrom: expect.any(Number) });
  });

  it('escapes what would move a cursor or hide text', () => {
    const name = 'a\u001b[2J\u009b\u202eb\n\u2028';
    const line = jsonLine({ atMs: AT, level: 'info', event: 'file.seen', fields: { name } }, { withStacks: false });
    expect(line).toMatch(/^[\u0020-\u007e]+$/);
    expect(JSON.parse(line)['name']).toBe(name);
  });
});

describe('a line for people', () => {
  it('reads as time, level, event and fields', () => {
    expect(pretty({ device: 'kitchen', name: 'two words' })).toBe(
      '03:04:05.067 WARN  job.retry device=kitchen name="two words"',
    );
  });

  it('reads an error as a sentence with its hint', () => {
    const error = new FlashError('IMAGE_EMPTY', 'a.bin is empty');
    expect(pretty({ error })).toBe(
      `03:04:05.067 WARN  job.retry code=IMAGE_EMPTY error="a.bin is empty" hint="${error.hint}"`,
    );
  });

  it('has colours only where asked for, and escapes those of others', () => {
    expect(pretty({ name: '\u001b[31mred' })).not.toContain('\u001b');
    expect(pretty({}, true)).toContain('\u001b[33mWARN ');
  });
});
