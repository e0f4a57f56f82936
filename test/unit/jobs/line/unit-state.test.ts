import { describe, expect, it } from 'vitest';
import { isUnitOver, NEXT_UNIT, nextUnitState } from '../../../../src/jobs/line/unit-state.ts';
import { UNIT_STATES } from '../../../../src/model/unit.ts';

describe('the life of a run', () => {
  it('can end from wherever it is, and goes on from no end', () => {
    for (const state of UNIT_STATES) {
      if (isUnitOver(state)) {
        expect(() => nextUnitState(state, 'fail')).toThrow(`a unit run that is ${state} cannot fail`);
      } else {
        expect(nextUnitState(state, 'interrupt')).toBe('interrupted');
        expect(nextUnitState(state, 'fail')).toBe('failed');
      }
    }
  });

  it('reaches every state', () => {
    const reached = new Set<string>(Object.values(NEXT_UNIT).flatMap((row) => Object.values(row)));
    expect(UNIT_STATES.filter((state) => !reached.has(state))).toEqual(['connecting']);
  });
});
