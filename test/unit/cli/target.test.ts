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

  it.each([
    ['0.0.0.0', 'an unspecified address'],
    ['[::]', 'an unspecified address'],
    ['224.0.0.251', 'a multicast address'],
    ['[ff02::fb]:3232', 'a multicast address'],
    ['[::ffff:239.1.2.3]', 'a multicast address'],
    ['255.255.255.255:8266', 'the broadcast address'],
    ['240.0.0.1', 'a reserved address'],
  ])('%s is refused as %s', (host, what) => {
    expect(() => parseTarget(`espota://${host}`)).toThrow(
      expect.objectContaining({ code: 'USAGE_BAD_TARGET', message: expect.stringContaining(what) }),
    );
  });

  it.each(['0', '10.1', '0x7f.0.0.1', '192.168.1.300', '192.168.1.4.5', '1.0x10', '0.0.0.0.'])(
    '%s is no address in numbers, and nobody is asked for such a name',
    (host) => {
      expect(() => parseTarget(`espota://${host}`)).toThrow(
        expect.objectContaining({ code: 'USAGE_BAD_TARGET', message: expect.stringContaining('four numbers') }),
      );
    },
  );

  it.each(['pump-2', 'esp8266-0123ab.local', 'x1', '127.0.0.1', 'a.b1'])('%s is one', (host) => {
    expect(parseTarget(`espota://${host}`)).toMatchObject({ host });
  });

  it('never repeats a password that was put into it', () => {
    expect(() => parseTarget('espota://user:hunter2@10.0.0.1')).toThrow(/^(?!.*hunter2).*--password-env/);
  });

  it('is named as it was written', () => {
    expect([targetName(parseTarget('espota://h:1')), targetName(parseTarget('espota://h'))]).toEqual(['h:1', 'h']);
  });
});
