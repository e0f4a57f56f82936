import { describe, expect, it } from 'vitest';
import { DatagramGuard } from '../../../src/discovery/datagram-guard.ts';
import { a, response } from './dns-bytes.ts';

const SOURCE = '10.0.0.7';

function newGuard(): DatagramGuard {
  return new DatagramGuard((source) => source.startsWith('10.0.0.'));
}

const PACKETS = Array.from({ length: 1000 }, (_, index) => response([a(`sensor-${index}.local`, SOURCE)]));

function packet(index: number): Buffer {
  return PACKETS[index % PACKETS.length] ?? Buffer.alloc(0);
}

describe('the datagram guard', () => {
  it('lets a packet of this link through', () => {
    expect(newGuard().refuse(packet(1), SOURCE, 0)).toBeNull();
  });

  it('refuses packets from elsewhere', () => {
    expect(newGuard().refuse(packet(1), '192.168.1.1', 0)).toBe('off-link');
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half a header', Buffer.alloc(11)],
    ['more than RFC 6762 allows', Buffer.alloc(9001)],
    ['a header that claims 262,140 entries', Buffer.concat([Buffer.alloc(4), Buffer.alloc(8, 0xff)])],
  ])('refuses %s', (_, bytes) => {
    expect(newGuard().refuse(bytes, SOURCE, 0)).toBe('malformed');
  });

  it('refuses a copy, and not the same words a second later or from another device', () => {
    const guard = newGuard();
    guard.refuse(packet(1), SOURCE, 0);
    expect(guard.refuse(packet(1), SOURCE, 50)).toBe('duplicate');
    expect(guard.refuse(packet(1), '10.0.0.8', 60)).toBeNull();
    expect(guard.refuse(packet(1), SOURCE, 1000)).toBeNull();
  });

  it('hears a thousand devices answer the five questions of the start, even through one reflector', () => {
    const guard = newGuard();
    const verdicts = [0, 1000, 3000, 7000, 15_000].flatMap((startMs) =>
      PACKETS.map((bytes, index) => guard.refuse(bytes, SOURCE, startMs + index / 2)),
    );
    expect(verdicts).not.toContain('flood');
  });

  it('hears a thousand devices start at once, and a rollout of them, even through one reflector', () => {
    const guard = newGuard();
    const start = Array.from({ length: 10_000 }, (_, index) => guard.refuse(packet(index), SOURCE, index / 2));
    const rollout = Array.from({ length: 30_000 }, (_, index) =>
      guard.refuse(packet(index), SOURCE, 5_000 + index * 1.2),
    );
    expect([...start, ...rollout]).not.toContain('flood');
  });

  it('stops a flood from one address, still hears others, and recovers', () => {
    const guard = newGuard();
    const verdicts = Array.from({ length: 40_000 }, (_, index) => guard.refuse(packet(index), SOURCE, index / 40));
    expect(verdicts.filter((verdict) => verdict === null).length).toBeLessThan(11_500);
    expect(guard.refuse(packet(1), '10.0.0.8', 1000)).toBeNull();
    expect(guard.refuse(packet(1), SOURCE, 5000)).toBeNull();
  });

  it('stops a flood from many addresses', () => {
    const guard = newGuard();
    const verdicts = Array.from({ length: 40_000 }, (_, index) =>
      guard.refuse(packet(index), `10.0.0.${index % 250}`, index / 40),
    );
    expect(verdicts.filter((verdict) => verdict === null).length).toBeLessThan(22_500);
  });

  it('charges large packets for the work they make', () => {
    const guard = newGuard();
    const bytes = (index: number) => Buffer.concat([packet(index), Buffer.alloc(8900)]);
    const passed = Array.from({ length: 400 }, (_, index) => guard.refuse(bytes(index), SOURCE, 0));
    expect(passed.filter((verdict) => verdict === null).length).toBeLessThan(300);
  });
});
