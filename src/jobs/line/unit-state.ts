import { UNIT_STATES, type UnitState } from '../../model/unit.ts';

/** What can happen to a run on the line. `interrupt`: the daemon ended, or is ending, in the middle. */
export type UnitEvent = 'back-up' | 'write' | 'start' | 'succeed' | 'skip' | 'refuse' | 'fail' | 'interrupt';

/** The life of a run. An event that is not in the table is a mistake of the program. */
export const NEXT_UNIT = {
  connecting: {
    'back-up': 'backing-up',
    write: 'writing',
    skip: 'skipped',
    refuse: 'refused',
    fail: 'failed',
    interrupt: 'interrupted',
  },
  'backing-up': { write: 'writing', fail: 'failed', interrupt: 'interrupted' },
  writing: { start: 'starting', fail: 'failed', interrupt: 'interrupted' },
  starting: { succeed: 'succeeded', fail: 'failed', interrupt: 'interrupted' },
  succeeded: {},
  skipped: {},
  refused: {},
  failed: {},
  interrupted: {},
} as const satisfies Record<UnitState, Partial<Record<UnitEvent, UnitState>>>;

/** The state after `event`. Throws where the table has no such step. */
export function nextUnitState(from: UnitState, event: UnitEvent): UnitState {
  const row: Partial<Record<UnitEvent, UnitState>> = NEXT_UNIT[from];
  const to = row[event];
  if (to === undefined) throw new Error(`a unit run that is ${from} cannot ${event}`);
  return to;
}

/** Nothing happens in this run any more. */
export function isUnitOver(state: UnitState): boolean {
  return Object.keys(NEXT_UNIT[state]).length === 0;
}

/** A run in one of these at the start of the daemon was cut off. */
export const RUNNING_UNIT_STATES = UNIT_STATES.filter((state) => !isUnitOver(state));
