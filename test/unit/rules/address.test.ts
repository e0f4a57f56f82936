import { describe, expect, it } from 'vitest';
import { compileRanges, parseAddress } from '../../../src/rules/address.ts';

function isIn(address: string, ...ranges: string[]): boolean {
  const parsed = parseAddress(address);
  return parsed !== null && compileRanges(ranges)(parsed);
}

describe('address ranges', () => {
  it.each([
    ['10.0.7.31', '10.0.7.0/24', true],
    ['10.0.8.31', '10.0.7.0/24', false],
    ['10.0.7.31', '10.0.7.99/24', true],
    ['10.0.7.31', '10.0.7.31', true],
    ['10.0.7.32', '10.0.7.31', false],
    ['10.0.7.31', '0.0.0.0/0', true],
    ['200.1.2.3', '192.0.0.0/3', true],
    ['200.1.2.3', '128.0.0.0/3', false],
    ['255.255.255.255', '255.255.255.254/31', true],
    ['::ffff:10.0.7.31', '10.0.7.0/24', true],
    ['fe80::1%eth0', 'fe80::/10', true],
    ['fd00::1', 'fe80::/10', false],
    ['fd00::1', 'fd00::1', true],
    ['fd00::1', '0.0.0.0/0', false],
    ['10.0.7.31', '::/0', false],
    ['10.0.7.31', '::ffff:10.0.7.31', true],
  ])('%s in %s: %s', (address, range, expected) => {
    expect(isIn(address, range)).toBe(expected);
  });

  it('takes an address that is in one of several', () => {
    expect(isIn('10.2.0.1', '10.1.0.0/16', '10.2.0.0/16')).toBe(true);
  });

  it.each([
    '',
    'sensor',
    '10.0.7',
    '10.0.7.0/33',
    '10.0.7.0/',
    '10.0.7.256',
    '0x0a.0.0.1',
    'fe80::/129',
    '10.0.7.0-10.0.7.9',
  ])('objects to %j', (text) => {
    const complaint = `${JSON.stringify(text)} is neither an address nor a CIDR range`;
    expect(() => compileRanges([text])).toThrow(new RangeError(complaint));
  });

  it.each(['10.0.7.31', '10.0.7.0/24', 'fd00::/8', '::1', '0.0.0.0/0'])('has nothing against %j', (text) => {
    expect(() => compileRanges([text])).not.toThrow();
  });

  it('knows that a name is no address', () => {
    expect(parseAddress('sensor-1.local')).toBeNull();
  });
});
