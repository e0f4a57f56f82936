import { describe, expect, it } from 'vitest';
import { admit, subnetOf } from '../../../src/jobs/admission.ts';
import type { Device } from '../../../src/model/device.ts';
import { aDevice, aJob } from '../../fixtures/records.ts';

const LIMITS = { total: 10, perSubnet: 10, exclusive: [] };
const NOW = 1_000_000;

function candidate(id: string, device: Device | null = aDevice({ id }), over = {}) {
  return { job: aJob({ id, device: device?.id ?? 'gone', ...over }), device, opensAtMs: null, heldBy: null };
}

function ids(jobs: readonly { readonly id: string }[]): string[] {
  return jobs.map(({ id }) => id);
}

describe('admission', () => {
  it('starts what may start, in order', () => {
    const { start, waiting, wakeAtMs } = admit([candidate('a'), candidate('b')], [], LIMITS, NOW);
    expect(ids(start)).toEqual(['a', 'b']);
    expect(waiting.size).toBe(0);
    expect(wakeAtMs).toBeNull();
  });

  it('gives a device one job at a time, also while its return is awaited', () => {
    const device = aDevice();
    const confirming = { job: aJob({ id: 'x', state: 'confirming', device: device.id }), device };
    expect(ids(admit([candidate('a', device), candidate('b', device)], [], LIMITS, NOW).start)).toEqual(['a']);
    expect(admit([candidate('a', device)], [confirming], LIMITS, NOW).waiting.get('a')).toContain('another job');
  });

  it('does not count jobs that await a return against the limits', () => {
    const holders = ['x', 'y'].map((id) => ({
      job: aJob({ id, state: 'confirming', device: id }),
      device: aDevice({ id }),
    }));
    expect(ids(admit([candidate('a')], holders, { ...LIMITS, total: 1, perSubnet: 1 }, NOW).start)).toEqual(['a']);
  });

  it('keeps to the limit in all and per subnet', () => {
    const devices = ['10.0.0.1', '10.0.0.2', '10.0.1.1'].map((address) => aDevice({ id: address, address }));
    const candidates = devices.map((device) => candidate(device.id, device));
    expect(ids(admit(candidates, [], { ...LIMITS, perSubnet: 1 }, NOW).start)).toEqual(['10.0.0.1', '10.0.1.1']);
    const job = aJob({ id: 'x', state: 'running', device: 'other' });
    const running = { job, device: aDevice({ address: '10.0.9.9' }) };
    const { start, waiting } = admit(candidates, [running], { ...LIMITS, total: 2 }, NOW);
    expect(ids(start)).toEqual(['10.0.0.1']);
    expect(waiting.get('10.0.0.2')).toBe('2 jobs are running, the limit in all');
  });

  it('waits for a device that is away or unknown, without a time to wake', () => {
    const away = candidate('a', aDevice({ presence: 'away' }));
    const result = admit([away, candidate('b', null)], [], LIMITS, NOW);
    expect(result.start).toEqual([]);
    expect(result.waiting.get('a')).toContain('away');
    expect(result.waiting.get('b')).toContain('not known');
    expect(result.wakeAtMs).toBeNull();
  });

  it('tries a device of the fixed list that nothing announces', () => {
    expect(ids(admit([candidate('a', aDevice({ presence: 'unknown' }))], [], LIMITS, NOW).start)).toEqual(['a']);
  });

  it('wakes for the earliest of pauses and windows', () => {
    const paused = candidate('a', aDevice({ id: 'a' }), { notBeforeMs: NOW + 5_000 });
    const closed = { ...candidate('b', aDevice({ id: 'b' })), opensAtMs: NOW + 3_000 };
    const result = admit([paused, closed], [], LIMITS, NOW);
    expect(result.start).toEqual([]);
    expect(result.wakeAtMs).toBe(NOW + 3_000);
    expect(result.waiting.get('b')).toContain('window opens');
    expect(admit([paused, closed], [], LIMITS, NOW + 5_000).start).toHaveLength(2);
  });
});

describe('subnetOf', () => {
  it('counts IPv4 by /24 and IPv6 by /64', () => {
    expect(subnetOf('10.1.2.3')).toBe('10.1.2.0/24');
    expect(subnetOf('fd00:1:2:3:4:5:6:7')).toBe('fd00:1:2:3::/64');
  });
});
