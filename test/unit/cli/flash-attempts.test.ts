import { expect, it } from 'vitest';
import { flashWithRetries } from '../../../src/cli/flash-attempts.ts';
import type { Clock } from '../../../src/clock.ts';
import { type ErrorCode, FlashError } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/log.ts';
import { espatSerial } from '../../../src/protocols/espat-serial/index.ts';
import { createNodeLinks } from '../../../src/transports/node-links.ts';
import { buildEsp32App } from '../../fixtures/images.ts';
import { aDevice } from '../../fixtures/records.ts';
import { imageOf } from '../../integration/espat/bench.ts';

/** Its pauses are over as soon as they begin. */
const HURRIED: Clock = {
  now: () => 0,
  monotonic: () => 0,
  setTimer: (_delayMs, callback) => {
    queueMicrotask(callback);
    return { cancel: () => undefined };
  },
};

it.each<[ErrorCode, number | undefined, number]>([
  ['ESPAT_NO_ANSWER', undefined, 2],
  ['ESPAT_NO_ANSWER', 4, 5],
  ['ESPAT_SILENT', undefined, 4],
  ['ESPAT_SILENT', 0, 1],
  ['ESPAT_REFUSED', 4, 1],
])('%s with --retries %s is tried %i times', async (code, retries, expected) => {
  const never = new AbortController().signal;
  const { attempts, error } = await flashWithRetries({
    protocol: { ...espatSerial, flash: () => Promise.reject(new FlashError(code, 'as told')) },
    flash: {
      image: imageOf(buildEsp32App(), 'esp-at.bin'),
      device: aDevice(),
      options: {},
      links: createNodeLinks(HURRIED, silentLogger),
      clock: HURRIED,
      log: silentLogger,
    },
    ...(retries === undefined ? {} : { retries }),
    signals: { stop: never, insist: never },
    progress: { step: () => undefined, update: () => undefined, finish: () => undefined },
    clock: HURRIED,
    random: () => 0.5,
  });
  expect([attempts, error?.code]).toEqual([expected, code]);
});
