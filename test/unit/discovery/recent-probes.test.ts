import { describe, expect, it } from 'vitest';
import { RecentProbes } from '../../../src/discovery/recent-probes.ts';
import { recordsOf } from './given.ts';

const viewOf = (instance: string, address: string) => ({
  service: 'arduino',
  instance,
  host: `${instance}.local`,
  port: 8266,
  addresses: [address],
  txt: {},
  ttlSeconds: 120,
});
const VIEW = viewOf('sensor-1', '10.0.0.7');
const NOW = 1_000_000;

describe('probes of devices that are not known yet', () => {
  const { a, srv, txt } = recordsOf('sensor-1', '10.0.0.7');

  it('are told once the device says who it is: the last of them, and once', () => {
    const probes = new RecentProbes();
    for (const atMs of [NOW, NOW + 250, NOW + 500]) probes.remember([srv, txt], '10.0.0.7', atMs);
    expect(probes.takeOf(VIEW, NOW + 700)).toBe(NOW + 500);
    expect(probes.takeOf(VIEW, NOW + 1_700)).toBeNull();
  });

  it('are found by the address that they claim, where another passes them on', () => {
    const probes = new RecentProbes();
    probes.remember([srv, a], '10.0.0.1', NOW);
    expect(probes.takeOf(VIEW, NOW + 700)).toBe(NOW);
  });

  it('for other names stay those of another device', () => {
    const probes = new RecentProbes();
    const other = recordsOf('sensor-2', '10.0.0.7');
    probes.remember([other.srv], '10.0.0.7', NOW);
    expect(probes.takeOf(VIEW, NOW + 700)).toBeNull();
    expect(probes.takeOf(viewOf('sensor-2', '10.0.0.7'), NOW + 800)).toBe(NOW);
  });

  it('are forgotten after a minute', () => {
    const probes = new RecentProbes();
    probes.remember([srv], '10.0.0.7', NOW);
    expect(probes.takeOf(VIEW, NOW + 60_000)).toBeNull();
  });

  it('give way to newer ones, from one address and from many', () => {
    const probes = new RecentProbes();
    const flood = recordsOf('other', '10.0.0.7');
    probes.remember([srv], '10.0.0.7', NOW);
    for (let nth = 0; nth < 8; nth += 1) probes.remember([flood.srv], '10.0.0.7', NOW);
    expect(probes.takeOf(VIEW, NOW)).toBeNull();
    probes.remember([srv], '10.0.0.7', NOW);
    for (let nth = 0; nth < 512; nth += 1) probes.remember([flood.srv], `10.1.${nth >> 8}.${nth & 255}`, NOW);
    expect(probes.takeOf(VIEW, NOW)).toBeNull();
  });

  it('are remembered by their first names, however many they hold', () => {
    const probes = new RecentProbes();
    const others = Array.from({ length: 400 }, (_, nth) => recordsOf(`other-${nth}`, '10.0.0.7').srv);
    probes.remember([...others, srv], '10.0.0.7', NOW);
    expect(probes.takeOf(VIEW, NOW)).toBeNull();
    expect(probes.takeOf(viewOf('other-7', '10.0.0.7'), NOW)).toBe(NOW);
  });
});
