import { describe, expect, it } from 'vitest';
import { isProbeOf } from '../../../src/discovery/probe.ts';
import { recordsOf } from './given.ts';

const VIEW = {
  service: 'arduino',
  instance: 'Sensor-1',
  host: 'sensor-1.local',
  port: 8266,
  addresses: ['10.0.0.7', 'fe80::7'],
  txt: {},
  ttlSeconds: 120,
};

describe('a probe', () => {
  const { a, ptr, srv, txt } = recordsOf('sensor-1', '10.0.0.7');

  it('is the device’s own where it comes from one of its addresses, or claims one of them', () => {
    expect(isProbeOf(VIEW, [srv, txt], '10.0.0.7')).toBe(true);
    expect(isProbeOf(VIEW, [srv, txt], 'fe80::7')).toBe(true);
    expect(isProbeOf(VIEW, [ptr], '10.0.0.7')).toBe(true);
    expect(isProbeOf(VIEW, [a], '10.0.0.200')).toBe(true);
  });

  it('of another device that wants the same name is not', () => {
    expect(isProbeOf(VIEW, [srv, { ...a, address: '10.0.0.8' }], '10.0.0.8')).toBe(false);
  });

  it('for other names from the same address is not', () => {
    const other = recordsOf('sensor-2', '10.0.0.7');
    expect(isProbeOf(VIEW, [other.a, other.srv], '10.0.0.7')).toBe(false);
    expect(isProbeOf(VIEW, [], '10.0.0.7')).toBe(false);
  });
});
