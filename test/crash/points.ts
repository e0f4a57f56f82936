import type { JobEvent } from '../../src/jobs/state.ts';
import type { Step } from '../../src/model/job.ts';
import type { SeededRandom } from './random.ts';

/** Where a daemon is to die. */
export type KillPoint =
  /** So long after its process was started. */
  | { readonly kind: 'time'; readonly afterMs: number }
  /** After a line of its log. */
  | { readonly kind: 'event'; readonly event: string; readonly afterMs: number }
  /** After a transition, or a step of an attempt, has appeared in the journal. */
  | { readonly kind: 'transition'; readonly event: JobEvent | 'plan'; readonly afterMs: number }
  | { readonly kind: 'step'; readonly step: Step; readonly afterMs: number }
  /** After a device has received so much of an image, from 0 to 1. */
  | { readonly kind: 'transfer'; readonly device: number; readonly share: number }
  /** After a device has received the last byte and before it has said `OK`. */
  | { readonly kind: 'last byte'; readonly device: number }
  /** After a device has taken the image. */
  | { readonly kind: 'ok'; readonly device: number; readonly afterMs: number }
  /** After files were dropped. */
  | { readonly kind: 'drop'; readonly afterMs: number }
  /** After a clean stop was asked for while a job runs. */
  | { readonly kind: 'stop'; readonly afterMs: number };

const DEVICES = 5;
const LONGEST_LAG_MS = 30;

const EVENTS = [
  'device.seen',
  'daemon.ready',
  'file.seen',
  'file.accepted',
  'file.rejected',
  'file.unmatched',
  'file.duplicate',
  'release.new',
  'job.planned',
  'job.started',
  'job.waiting',
  'job.retry',
  'job.succeeded',
  'job.superseded',
] as const;

const TRANSITIONS = ['plan', 'start', 'accept', 'succeed', 'interrupt', 'doubt', 'fail', 'supersede', 'retry'] as const;

/** One point of each kind in turn; each kind as often as it has places to hit. */
const MAKERS: readonly ((random: SeededRandom, nth: number) => KillPoint)[] = [
  (random, nth) => ({ kind: 'event', event: at(EVENTS, nth), afterMs: lag(random) }),
  (random) => ({ kind: 'transfer', device: random.below(DEVICES), share: random.next() }),
  (random, nth) => ({ kind: 'transition', event: at(TRANSITIONS, nth), afterMs: lag(random) }),
  (random) => ({ kind: 'last byte', device: random.below(DEVICES) }),
  (random, nth) => ({ kind: 'event', event: at(EVENTS, nth + EVENTS.length / 2), afterMs: lag(random) }),
  (random) => ({ kind: 'ok', device: random.below(DEVICES), afterMs: lag(random) }),
  (random) => ({
    kind: 'step',
    step: random.pick(['prepare', 'write', 'commit', 'commit', 'confirm']),
    afterMs: lag(random),
  }),
  (random) => ({ kind: 'drop', afterMs: random.below(150) }),
  (random) => ({ kind: 'time', afterMs: random.below(4_000) }),
  (random) => ({ kind: 'stop', afterMs: lag(random) }),
];

/** The n-th point of a run, counted from 0: the kinds follow one another, the rest is chance. */
export function pointAt(nth: number, random: SeededRandom): KillPoint {
  return at(MAKERS, nth)(random, Math.floor(nth / MAKERS.length));
}

/** How the table calls it. */
export function labelOf(point: KillPoint): string {
  switch (point.kind) {
    case 'event':
    case 'transition':
      return `${point.kind} ${point.event}`;
    case 'step':
      return `step ${point.step}`;
    default:
      return point.kind;
  }
}

function lag(random: SeededRandom): number {
  return random.below(LONGEST_LAG_MS + 1);
}

function at<T>(list: readonly T[], nth: number): T {
  const item = list[nth % list.length];
  if (item === undefined) throw new RangeError('an empty list has no n-th element');
  return item;
}
