import { describe, expect, it } from 'vitest';
import { type ReturnEvidence, ReturnWatch } from '../../../src/discovery/return-watch.ts';
import { manualClock } from '../service/manual-clock.ts';

/** A watch over a device that answers each question or not. */
function given() {
  const clock = manualClock(1_000_000);
  const device = { answers: true };
  const asked: number[] = [];
  let evidence: ReturnEvidence | null = null;
  const watch: ReturnWatch = new ReturnWatch(clock, clock.now(), () => {
    asked.push(clock.now() - 1_000_000);
    if (device.answers) watch.heard(clock.now() + 1, false);
  });
  void watch.evidence.then((found) => {
    evidence = found;
  });
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) clock.advance(100);
    await Promise.resolve();
  };
  return { clock, device, asked, watch, pass, evidence: () => evidence };
}

describe('the watch for a return', () => {
  it('takes answers for nothing, however many', async () => {
    const { pass, evidence, asked } = given();
    await pass(120_000);
    expect(asked.length).toBeGreaterThan(30);
    expect(evidence()).toBeNull();
  });

  it('takes two announcements', async () => {
    const { watch, clock, pass, evidence } = given();
    watch.heard(clock.now() + 2000, true);
    await pass(0);
    expect(evidence()).toBeNull();
    watch.heard(clock.now() + 3000, true);
    await pass(0);
    expect(evidence()).toEqual({ kind: 'announcement', atMs: 1_003_000 });
  });

  it('takes neither copies of one announcement nor two that have nothing to do with each other', async () => {
    const { watch, clock, pass, evidence } = given();
    watch.heard(clock.now() + 100, true);
    watch.heard(clock.now() + 150, true);
    watch.heard(clock.now() + 60_000, true);
    await pass(0);
    expect(evidence()).toBeNull();
  });

  it('takes one announcement of a device that missed a question', async () => {
    const { watch, clock, device, pass, evidence } = given();
    device.answers = false;
    await pass(2500);
    watch.heard(clock.now(), true);
    await pass(0);
    expect(evidence()).toMatchObject({ kind: 'announcement' });
  });

  it('takes an answer after three missed questions, not after two', async () => {
    const { device, pass, evidence } = given();
    device.answers = false;
    await pass(2500);
    device.answers = true;
    await pass(1000);
    expect(evidence()).toBeNull();
    device.answers = false;
    await pass(6500);
    device.answers = true;
    await pass(1000);
    expect(evidence()).toMatchObject({ kind: 'silent-then-answered' });
  });

  it('takes the first word after a probe for its own names', async () => {
    const { watch, clock, pass, evidence } = given();
    watch.probed(clock.now() + 500);
    watch.heard(clock.now() + 500, false);
    await pass(0);
    expect(evidence()).toBeNull();
    watch.heard(clock.now() + 700, false);
    await pass(0);
    expect(evidence()).toEqual({ kind: 'announcement', atMs: 1_000_700 });
  });

  it.each([
    ['by a probe', (watch: ReturnWatch, atMs: number) => watch.probed(atMs)],
    ['by its announcements', (watch: ReturnWatch, atMs: number) => watch.heard(atMs, true)],
  ])(
    'does not take the announcements of a start just before the acceptance, known %s, for those of a new one',
    async (_, start) => {
      const { watch, clock, device, pass, evidence } = given();
      start(watch, clock.now() - 20_000);
      watch.heard(clock.now() + 300, true);
      watch.heard(clock.now() + 1300, true);
      await pass(0);
      expect(evidence()).toBeNull();
      device.answers = false;
      await pass(5000);
      watch.heard(clock.now(), true);
      await pass(0);
      expect(evidence()).toMatchObject({ kind: 'announcement' });
    },
  );

  it('takes any word after a goodbye that was believed', async () => {
    const { watch, clock, pass, evidence } = given();
    watch.lost(clock.now() + 1000);
    watch.heard(clock.now() + 2000, false);
    await pass(0);
    expect(evidence()).toMatchObject({ kind: 'silent-then-answered' });
  });

  it('counts nothing from before', async () => {
    const { watch, clock, pass, evidence } = given();
    watch.lost(clock.now() - 1000);
    watch.heard(clock.now() - 900, true);
    watch.heard(clock.now(), true);
    await pass(0);
    expect(evidence()).toBeNull();
  });

  it('forgets a start that was over long before the acceptance', async () => {
    const { watch, clock, pass, evidence } = given();
    watch.heard(clock.now() - 60_000, true);
    watch.probed(clock.now() - 60_000);
    watch.heard(clock.now() + 2000, true);
    watch.heard(clock.now() + 3000, true);
    await pass(0);
    expect(evidence()).toMatchObject({ kind: 'announcement' });
  });

  it('asks a silent device each second, and after half a minute less often', async () => {
    const { device, asked, pass } = given();
    device.answers = false;
    await pass(31_000);
    expect(asked).toHaveLength(31);
    await pass(60_000);
    expect(asked.length).toBeLessThan(31 + 25);
  });

  it('asks no more when it is stopped', async () => {
    const { watch, asked, pass } = given();
    await pass(2000);
    watch.stop();
    const before = asked.length;
    await pass(60_000);
    expect(asked).toHaveLength(before);
  });
});
