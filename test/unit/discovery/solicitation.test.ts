import { describe, expect, it } from 'vitest';
import { Solicitation } from '../../../src/discovery/solicitation.ts';

const PTR = { type: 'PTR', name: '_arduino._tcp.local' };
const SRV = { type: 'SRV', name: 'sensor-1._arduino._tcp.local' };
const TXT = { type: 'TXT', name: 'sensor-1._arduino._tcp.local' };

describe('solicitation', () => {
  it('explains nothing when nobody asked', () => {
    expect(new Solicitation().explains('sensor-1', [PTR, SRV], [], 0)).toBe(false);
  });

  it('explains one answer of each responder by one question', () => {
    const solicitation = new Solicitation();
    solicitation.ask(PTR, 0);
    expect(solicitation.explains('sensor-1', [PTR, SRV], [], 100)).toBe(true);
    expect(solicitation.explains('sensor-2', [PTR, SRV], [], 110)).toBe(true);
    expect(solicitation.explains('sensor-1', [PTR, SRV], [], 1100)).toBe(false);
  });

  it('takes packets that follow at once for parts of one answer', () => {
    const solicitation = new Solicitation();
    solicitation.ask(PTR, 0);
    solicitation.explains('sensor-1', [PTR], [], 100);
    expect(solicitation.explains('sensor-1', [PTR], [], 200)).toBe(true);
  });

  it('uses up every question that a packet answers', () => {
    const solicitation = new Solicitation();
    solicitation.ask(PTR, 0);
    solicitation.ask(SRV, 0);
    solicitation.explains('sensor-1', [SRV, PTR], [], 100);
    expect(solicitation.explains('sensor-1', [SRV], [], 1000)).toBe(false);
    expect(solicitation.explains('sensor-1', [PTR], [], 1000)).toBe(false);
  });

  it('lets questions without an answer explain one answer at most', () => {
    const solicitation = new Solicitation();
    for (const atMs of [0, 1000, 2000]) solicitation.ask(SRV, atMs);
    expect(solicitation.explains('sensor-1', [SRV], [], 2500)).toBe(true);
    expect(solicitation.explains('sensor-1', [SRV], [], 3500)).toBe(false);
  });

  it('explains late answers, but not for ever', () => {
    const solicitation = new Solicitation();
    solicitation.ask(SRV, 0);
    expect(solicitation.explains('sensor-1', [SRV], [], 4900)).toBe(true);
    solicitation.ask(SRV, 10_000);
    expect(solicitation.explains('sensor-1', [SRV], [], 15_001)).toBe(false);
  });

  it('knows questions of type ANY, and names in any case', () => {
    const solicitation = new Solicitation();
    solicitation.ask({ type: 'ANY', name: 'SENSOR-1._arduino._tcp.local' }, 0);
    expect(solicitation.explains('sensor-1', [SRV], [], 10)).toBe(true);
  });

  describe('of a responder that answers what was asked and no more', () => {
    function terse(): Solicitation {
      const solicitation = new Solicitation();
      solicitation.ask(PTR, 0);
      solicitation.explains('sensor-1', [PTR], [SRV, TXT], 50);
      return solicitation;
    }

    it('does not take all records at once for an answer', () => {
      const solicitation = terse();
      solicitation.ask(SRV, 10_000);
      expect(solicitation.explains('sensor-1', [PTR, SRV, TXT], [], 10_100)).toBe(false);
      expect(solicitation.explains('sensor-1', [SRV], [], 10_200)).toBe(true);
    });

    it('does, when all of them were asked for', () => {
      const solicitation = terse();
      for (const question of [PTR, SRV, TXT]) solicitation.ask(question, 10_000);
      expect(solicitation.explains('sensor-1', [PTR, SRV, TXT], [], 10_100)).toBe(true);
    });

    it('says nothing of another responder, which may be talkative', () => {
      const solicitation = terse();
      solicitation.ask(SRV, 10_000);
      expect(solicitation.explains('sensor-2', [PTR, SRV, TXT], [], 10_100)).toBe(true);
      solicitation.ask(SRV, 20_000);
      expect(solicitation.explains('sensor-2', [PTR, SRV, TXT], [], 20_100)).toBe(true);
    });
  });
});
