import * as z from 'zod';
import type { Canary, RolloutSettings, Share, StopAt, Waves } from '../model/rollout.ts';
import { duration, expecting, listOf, oneOf, refuse, text, wholeNumber } from './values.ts';

const DAY_MS = 86_400_000;
const MOST_DEVICES = 100_000;

const percentText = (what: string) =>
  z
    .string(expecting(what))
    .regex(/^(?:100|[1-9]\d?)%$/, expecting(what))
    .transform((value) => Number(value.slice(0, -1)));

const shareWords = 'a percentage such as 10% or a number of devices';
const share = z.union(
  [
    percentText(shareWords).transform((amount): Share => ({ unit: 'percent', amount })),
    wholeNumber(1, MOST_DEVICES).transform((amount): Share => ({ unit: 'devices', amount })),
  ],
  expecting(shareWords),
);

const canarySchema = z.union(
  [
    wholeNumber(1, 1000).transform((count): Canary => ({ by: 'count', count })),
    listOf(text('the name of a device'), 'device names')
      .min(1, { error: 'expected at least one device name; leave canary out to have none' })
      .transform((names): Canary => ({ by: 'names', names })),
  ],
  expecting('a number of devices or a list of device names'),
);

/** Sizes only grow, and nobody is left over: an image that reaches half of the fleet for ever is never meant. */
const wavesSchema = listOf(share, 'percentages or numbers of devices').superRefine((sizes, context) => {
  const last = sizes.at(-1);
  if (last?.unit !== 'percent' || last.amount !== 100) {
    refuse(context, 'expected 100% as the last wave, so that no device is left over');
  }
  const shrinks = sizes.some((size, index) => {
    const before = sizes[index - 1];
    return before !== undefined && before.unit === size.unit && before.amount >= size.amount;
  });
  if (shrinks) refuse(context, 'expected waves that grow: each counts the devices of those before it as well');
});

const rampSchema = z.strictObject(
  {
    start: share.prefault('10%').describe('The size of the first wave.'),
    factor: z
      .number(expecting('a number from 1 to 100'))
      .min(1, expecting('a number from 1 to 100'))
      .max(100, expecting('a number from 1 to 100'))
      .default(2)
      .describe('How many times as many devices each further wave brings.'),
  },
  expecting('a mapping with start and factor'),
);

const stopAtSchema = z
  .strictObject(
    {
      failures: wholeNumber(1, MOST_DEVICES).optional().describe('So many failed devices.'),
      percent: percentText('a percentage such as 5%')
        .optional()
        .describe('Such a share of the devices released so far.'),
    },
    expecting('a mapping with failures, percent or both'),
  )
  .transform(({ failures, percent }, context): StopAt => {
    if (failures === undefined && percent === undefined) {
      return refuse(context, 'expected failures, percent or both', 'CONFIG_MISSING_KEY');
    }
    return { failures: failures ?? null, percent: percent ?? null };
  });

/** Canaries and waves of a rule, and what stops them. */
export const rolloutSchema = z
  .strictObject(
    {
      canary: canarySchema
        .optional()
        .describe('The devices that go first: how many, or their names. Without it: the first wave is the first.'),
      waves: wavesSchema
        .optional()
        .describe(
          'How far each wave reaches, of all devices or as a number of them. The last is 100%, which is also the default.',
        ),
      ramp: rampSchema.optional().describe('Instead of waves: a first wave, and how much larger each further one is.'),
      soak: duration(0, 30 * DAY_MS)
        .prefault('10m')
        .describe('How long nothing more is released after the last device of a wave has ended.'),
      'stop-at': stopAtSchema
        .prefault({ failures: 1 })
        .describe('How many failed devices pause the rollout. Devices that are away do not count.'),
      'pause-after': oneOf(['canary', 'each'])
        .optional()
        .describe('Waits for a person after the canaries, or after each wave. Without it: never.'),
    },
    expecting('a mapping with canary, waves or ramp, soak, stop-at and pause-after'),
  )
  .transform((rollout, context): RolloutSettings => {
    const { canary, waves, ramp, soak } = rollout;
    const pauseAfter = rollout['pause-after'] ?? null;
    if (waves !== undefined && ramp !== undefined) {
      return refuse(context, 'expected either waves or ramp', 'CONFIG_CONFLICT');
    }
    if (pauseAfter === 'canary' && canary === undefined) {
      return refuse(context, 'pause-after: canary needs a canary', 'CONFIG_CONFLICT');
    }
    return {
      canary: canary ?? null,
      waves: ramp === undefined ? listWaves(waves) : { by: 'ramp', ...ramp },
      soakMs: soak,
      stopAt: rollout['stop-at'],
      pauseAfter,
    };
  });

function listWaves(sizes: readonly Share[] = [{ unit: 'percent', amount: 100 }]): Waves {
  return { by: 'list', sizes };
}
