import { describe, expect, it } from 'vitest';
import { ACTIVE_STATES, isFinal, NEXT, nextState } from '../../../src/jobs/state.ts';
import { JOB_STATES } from '../../../src/model/job.ts';

describe('job states', () => {
  it('has a row for every state, and leads only to known states', () => {
    expect(Object.keys(NEXT).sort()).toEqual([...JOB_STATES].sort());
    const targets = Object.values(NEXT).flatMap((row) => Object.values(row));
    expect(targets.filter((state) => !JOB_STATES.includes(state))).toEqual([]);
  });

  it('reaches every state from queued', () => {
    const reached = new Set<string>(['queued']);
    for (const from of reached) {
      const row = Object.entries(NEXT).find(([state]) => state === from)?.[1] ?? {};
      for (const to of Object.values<string>(row)) reached.add(to);
    }
    expect([...reached].sort()).toEqual([...JOB_STATES].sort());
  });

  it('never sends again from a state in which the device may have taken the image', () => {
    // But for the next image, once the device is proven to run this one.
    const { climb, ...confirming } = NEXT.confirming;
    expect(climb).toBe('queued');
    expect(Object.values(confirming)).not.toContain('queued');
    expect(Object.values(confirming)).not.toContain('running');
  });

  it('throws for an event that the table does not have', () => {
    expect(() => nextState('succeeded', 'start')).toThrow('a job that is succeeded cannot start');
  });

  it('tells final states from active ones', () => {
    expect(ACTIVE_STATES).toEqual(['queued', 'running', 'confirming', 'soaking']);
    expect(isFinal('superseded')).toBe(true);
  });
});
