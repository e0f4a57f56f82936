import { type Clock, sleep } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Device } from '../model/device.ts';
import type { ReturnCheck, VersionCheck } from '../model/rule.ts';
import { type AskVersion, saysVersion } from './version-check.ts';

/** The announcements of one start are over after a quarter of a minute (RFC 6762, section 8.3, with what real stacks add). */
const START_IS_OVER_MS = 15_000;

/** How a device is watched after its return. */
export interface SoakEyes {
  /** Resolves, with words for it, when the device is seen to start again after `fromMs` (epoch ms). Rejects when aborted. */
  readonly restartOf: (device: Device, fromMs: number, signal: AbortSignal) => Promise<string>;
  /** Whether the device answers now, after some tries. */
  readonly isThere: (device: Device, check: ReturnCheck, signal: AbortSignal) => Promise<boolean>;
}

/** A device that is to stay as it is for `soakMs`; `find` gives it as it is known at the moment. */
export interface SoakRequest {
  readonly find: () => Device | null;
  readonly check: ReturnCheck;
  readonly version: { readonly check: VersionCheck; readonly expected: string; readonly ask: AskVersion } | null;
  readonly soakMs: number;
}

/** What spoke against the device at the end of its soak. `said`: what it gave as its version, where that was not the expected one. */
export interface SoakFinding {
  readonly error: FlashError;
  readonly said: string | null;
}

/** Watches a device for `soakMs` from now on. Null: it is still there, says the same, and was not seen to restart. */
export async function soak(
  request: SoakRequest,
  eyes: SoakEyes,
  clock: Clock,
  signal: AbortSignal,
): Promise<SoakFinding | null> {
  const device = request.find();
  if (device === null) return unsound('the device is not known any more');
  const restart = await restartWithin(device, request.soakMs, eyes, clock, signal);
  if (restart !== null) return await afterRestart(request, restart, signal);
  return await lastLook(request, eyes, signal);
}

async function restartWithin(
  device: Device,
  soakMs: number,
  { restartOf }: SoakEyes,
  clock: Clock,
  signal: AbortSignal,
): Promise<string | null> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  // A short soak has no time to let the announcements of the start pass by.
  const fromMs = clock.now() + Math.min(START_IS_OVER_MS, soakMs / 2);
  const waits = [restartOf(device, fromMs, either), sleep(clock, soakMs, either).then(() => null)];
  try {
    return await Promise.race(waits);
  } finally {
    over.abort();
    await Promise.allSettled(waits);
    signal.throwIfAborted();
  }
}

/** It may have gone back to its old image: then that is what is reported. */
async function afterRestart({ find, version }: SoakRequest, how: string, signal: AbortSignal): Promise<SoakFinding> {
  const device = find();
  const said = version === null || device === null ? null : await version.ask(device, version.check, signal);
  const isOther = version !== null && said !== null && !saysVersion(said, version.check.match, version.expected);
  return { ...unsound(`the device restarted during its soak (${how})`), said: isOther ? said : null };
}

async function lastLook(
  { find, check, version }: SoakRequest,
  { isThere }: SoakEyes,
  signal: AbortSignal,
): Promise<SoakFinding | null> {
  const device = find();
  if (device === null || !(await isThere(device, check, signal))) {
    return unsound('the device does not answer any more at the end of its soak');
  }
  if (version === null) return null;
  const said = await version.ask(device, version.check, signal);
  if (said === null) return unsound('the device does not answer the check of its version any more');
  if (saysVersion(said, version.check.match, version.expected)) return null;
  return { ...unsound(`the device says ${JSON.stringify(said.slice(0, 100))} at the end of its soak`), said };
}

function unsound(message: string): SoakFinding {
  return { error: new FlashError('JOB_NOT_SOAKED', message, { step: 'confirm' }), said: null };
}
