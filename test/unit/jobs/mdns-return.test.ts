import { describe, expect, it } from 'vitest';
import { DeviceRegistry } from '../../../src/discovery/registry.ts';
import { mdnsAnswer, mdnsRestart, mdnsReturn } from '../../../src/jobs/mdns-return.ts';
import { silentLogger } from '../../../src/log.ts';
import type { Device } from '../../../src/model/device.ts';
import { sightingOf } from '../discovery/given.ts';
import { manualClock } from '../service/manual-clock.ts';

const HOUR_MS = 3_600_000;
const START_MS = 1_000_000_000;

/** A device that was heard once, by a registry on a clock that is turned by hand. */
function given(wasHeard = true) {
  const clock = manualClock(START_MS);
  const registry = new DeviceRegistry({ clock, log: silentLogger, services: ['arduino'], macOf: () => null });
  const speak = (isAnnouncement: boolean) =>
    registry.sighted(sightingOf('sensor-1', '10.0.0.7', { isAnnouncement, atMs: clock.now() }));
  if (wasHeard) speak(false);
  return { clock, registry, speak };
}

const deviceOf = (registry: DeviceRegistry) => registry.get('mdns:arduino/sensor-1') as Device;

/** What it is by now, without waiting for it. */
async function now<T>(work: Promise<T>): Promise<T | 'pending'> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  return await Promise.race([work, Promise.resolve('pending' as const)]);
}

describe('where somebody sets the clock back by two hours', () => {
  it('a device that comes back is seen to come back', async () => {
    const { clock, registry, speak } = given();
    const request = { check: { by: 'mdns' }, withinMs: 60_000, missedTheRestart: false } as const;
    const returned = mdnsReturn(registry, clock)(
      { ...request, device: deviceOf(registry), sinceMs: clock.now() },
      new AbortController().signal,
    );
    clock.setBy(-2 * HOUR_MS);
    clock.advance(500);
    speak(true);
    expect(await now(returned)).toBe('pending');
    clock.advance(400);
    speak(true);
    expect(await now(returned)).toMatchObject({ how: 'a fresh burst of mDNS announcements' });
  });

  it.each(['before', 'during'])('a device that restarts in its soak is seen to restart: %s', async (when) => {
    const { clock, registry, speak } = given();
    if (when === 'before') clock.setBy(-2 * HOUR_MS);
    const restarted = mdnsRestart(registry)(deviceOf(registry), clock.now() + 15_000, new AbortController().signal);
    clock.advance(5_000);
    speak(true);
    clock.advance(1_000);
    speak(true);
    if (when === 'during') clock.setBy(-2 * HOUR_MS);
    clock.advance(60_000);
    speak(true);
    expect(await now(restarted)).toBe('pending');
    clock.advance(1_000);
    speak(true);
    expect(await now(restarted)).toBe('it announced itself anew');
  });

  it.each([true, false])('only a word that follows the question is an answer: %s', async (isThere) => {
    const { clock, registry, speak } = given();
    clock.setBy(-2 * HOUR_MS);
    const answered = mdnsAnswer(registry, clock)(deviceOf(registry), { by: 'mdns' }, new AbortController().signal);
    for (let question = 0; question < 5; question += 1) {
      expect(await now(answered)).toBe('pending');
      if (isThere && question === 4) speak(false);
      clock.advance(1_500);
    }
    expect(await now(answered)).toBe(isThere);
  });

  it('what an earlier process heard is no return', async () => {
    const { registry: earlier } = given();
    const { clock, registry, speak } = given(false);
    registry.restore(earlier.list());
    clock.setBy(-2 * HOUR_MS);
    const request = { check: { by: 'mdns' }, withinMs: 60_000, missedTheRestart: true } as const;
    const returned = mdnsReturn(registry, clock)(
      { ...request, device: deviceOf(registry), sinceMs: clock.now() - 10_000 },
      new AbortController().signal,
    );
    clock.advance(500);
    expect(await now(returned)).toBe('pending');
    speak(false);
    clock.advance(500);
    expect(await now(returned)).toMatchObject({ how: "seen by mDNS after this daemon's own restart" });
  });
});
