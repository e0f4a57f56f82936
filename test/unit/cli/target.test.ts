import { describe, expect, it } from 'vitest';
import { parseTarget, targetName } from '../../../src/cli/target.ts';

describe('a target', () => {
  it.each([
    ['espota://127.0.0.1:8266', '127.0.0.1', 8266],
    ['espota://boiler.local', 'boiler.local', null],
    ['ESPOTA://10.0.0.1/', '10.0.0.1', null],
    ['espota://[fe80::1]:3232', 'fe80::1', 3232],
  ])('%s', (text, host, port) => {
    expect(parseTarget(text)).toMatchObject({ protocol: { name: 'espota' }, host, port });
  });

  it.each([
    '',
    '10.0.0.1',
    'http://10.0.0.1',
    'espota://',
    'espota://:80',
    'espota://h:0',
    'espota://h:65536',
    'espota://h:80x',
    'espota://h/path',
    'espota://a b',
  ])('refuses %j', (text) => {
    expect(() => parseTarget(text)).toThrow(expect.objectContaining({ code: 'USAGE_BAD_TARGET' }));
  });

  it('never repeats a password that was put into it', () => {
    expect(() => parseTarget('espota://user:hunter2@10.0.0.1')).toThrow(/^(?!.*hunter2).*--password-env/);
  });

  it('is named as it was written', () => {
    expect([targetName(parseTarget('espota://h:1')), targetName(parseTarget('espota://h'))]).toEqual(['h:1', 'h']);
  });
});
