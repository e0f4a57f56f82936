import type { RolloutSettings, Share } from '../model/rollout.ts';

/** Enough to tell which devices are named. */
interface Named {
  readonly device: string;
}

/** `the canary`, `wave 2 of 3`, `wave 2`: for people. `stage` counts from 0, the canaries included. */
export function stageName({ canary, waves }: RolloutSettings, stage: number): string {
  if (canary !== null && stage === 0) return 'the canary';
  const wave = canary === null ? stage + 1 : stage;
  return waves.by === 'list' ? `wave ${wave} of ${waves.sizes.length}` : `wave ${wave}`;
}

/** How many devices are released once `stage` is, those of the stages before it included. */
export function stageTarget(settings: RolloutSettings, stage: number, members: readonly Named[]): number {
  const { canary, waves } = settings;
  if (canary !== null && stage === 0) {
    return canary.by === 'count' ? Math.min(canary.count, members.length) : namedAmong(canary.names, members);
  }
  const wave = canary === null ? stage : stage - 1;
  if (waves.by === 'list') {
    const size = waves.sizes[wave];
    return size === undefined ? members.length : sizeOf(size, members.length);
  }
  return rampTarget(sizeOf(waves.start, members.length), waves.factor, wave, members.length);
}

/** Whether nobody is left for a stage after this one. */
export function isLastStage(settings: RolloutSettings, stage: number, members: readonly Named[]): boolean {
  const { canary, waves } = settings;
  const wave = canary === null ? stage : stage - 1;
  if (waves.by === 'list') return wave >= waves.sizes.length - 1;
  return wave >= 0 && stageTarget(settings, stage, members) >= members.length;
}

function namedAmong(names: readonly string[], members: readonly Named[]): number {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  return members.filter(({ device }) => wanted.has(device.toLowerCase())).length;
}

/** Rounded down, so that no wave is larger than it says; but a wave of nobody would prove nothing. */
function sizeOf({ unit, amount }: Share, total: number): number {
  const exact = unit === 'devices' ? amount : Math.floor((total * amount) / 100);
  return Math.min(total, Math.max(1, exact));
}

/** A little more than the float is: 10 × 1.1 must be 11, not 11.000000000000002 rounded to something else. */
const EPSILON = 1e-9;

function rampTarget(start: number, factor: number, wave: number, total: number): number {
  let target = 0;
  for (let step = 0; step <= wave && target < total; step += 1) {
    target += Math.max(1, Math.floor(start * factor ** step + EPSILON));
  }
  return Math.min(total, target);
}
