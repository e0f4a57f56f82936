import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dropflash } from './recorded-io.ts';

const COMMANDS = (await dropflash(['--help'])).out.matchAll(/^ {2}([a-z]+)(?: \[options\].*)? {2,}[a-z]/gm);
const NAMES = [...COMMANDS].map((match) => match[1] ?? '').filter((name) => name !== 'help');

describe('the command line', () => {
  it.each(NAMES)('%s has help with examples, and takes --json', async (name) => {
    const { exitCode, out, err } = await dropflash(name === 'audit' ? [name, 'verify', '--help'] : [name, '--help']);
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toContain('--json');
    expect(out).toMatch(/Examples:\n {2}\$ .*dropflash /);
  });

  it('lists each command of the README in its help', async () => {
    const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
    const table = [...readme.matchAll(/^\| (`dropflash [^|]*)\|/gm)].map((match) => match[1] ?? '').join(' ');
    const told = [...table.matchAll(/`(?:dropflash )?([a-z]+)[^`]*`/g)].map((match) => match[1] ?? '');
    expect(NAMES.filter((name) => !told.includes(name))).toEqual([]);
    expect(told.filter((word) => !NAMES.includes(word) && !/^(espat|pycom|serial)/.test(word))).toEqual([]);
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
