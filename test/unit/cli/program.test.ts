import { describe, expect, it } from 'vitest';
import { dropflash } from './recorded-io.ts';

const COMMANDS = [
  'run',
  'check',
  'inspect',
  'plan',
  'flash',
  'probe',
  'devices',
  'jobs',
  'job',
  'releases',
  'rollouts',
  'rollout',
  'demo',
  'schema',
];

describe('the command line', () => {
  it.each(COMMANDS)('%s has help with examples, and takes --json', async (command) => {
    const { exitCode, out, err } = await dropflash([command, '--help']);
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toContain('--json');
    expect(out).toMatch(/Examples:\n {2}\$ .*dropflash /);
  });

  it('lists each command in its help', async () => {
    const { exitCode, out } = await dropflash(['--help']);
    expect(exitCode).toBe(0);
    for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^  ${command} `, 'm'));
  });

  it('prints its version', async () => {
    expect(await dropflash(['--version'])).toMatchObject({
      exitCode: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  it.each([
    [[], 'Usage:'],
    [['inspekt'], 'Did you mean inspect?'],
    [['flash', 'x.bin'], "required option '--to <target>'"],
    [['flash', 'x.bin', '--to', 'espota://h', '--retries', 'many'], 'whole number from 0 to 99'],
    [['flash', 'x.bin', '--to', 'espota://h', '--chip', 'avr'], 'Allowed choices are esp8266'],
    [['inspect'], "missing required argument 'image'"],
    [['check', '--colour'], "unknown option '--colour'"],
  ])('wrong usage %j ends with 2 and a sentence on stderr', async (args, sentence) => {
    const { exitCode, out, err } = await dropflash(args);
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toContain(sentence);
  });

  it('wrong usage with --json is one document too', async () => {
    const { exitCode, json } = await dropflash(['flash', 'x.bin', '--json']);
    expect(exitCode).toBe(2);
    expect(json()).toEqual({ error: { code: 'USAGE_WRONG', message: expect.any(String), hint: expect.any(String) } });
  });

  it('schema prints a JSON Schema', async () => {
    const { exitCode, json } = await dropflash(['schema']);
    expect(exitCode).toBe(0);
    expect(json()).toMatchObject({ $schema: expect.stringContaining('json-schema.org'), title: 'dropflash config' });
  });
});
