import { type Clock, sleep } from '../clock.ts';
import type { DeviceRegistry } from '../discovery/registry.ts';
import type { AwaitReturn, ReturnEvidence, ReturnRequest } from './confirm.ts';
import type { SoakEyes } from './soak.ts';

/** An ESP restarts at most some seconds after its `OK`; what it says before that may still be its old life. */
const RESTART_BY_MS = 5_000;
const LOOK_MS = 500;

/** The rule's check `mdns`: the device's own announcements, or its silence and then its answer. */
export function mdnsReturn(registry: DeviceRegistry, clock: Clock): AwaitReturn {
  return async (request, signal) => {
    const done = new AbortController();
    const either = AbortSignal.any([signal, done.signal]);
    const waits = [
      evidenceOf(registry, request, either),
      sleep(clock, request.withinMs, either).then(() => null),
      ...(request.missedTheRestart ? [seenSince(registry, request, clock, either)] : []),
    ];
    try {
      return await Promise.race(waits);
    } finally {
      done.abort();
      await Promise.allSettled(waits);
      signal.throwIfAborted();
    }
  };
}

/** During a soak: a device that is seen to start again, however soon after its last start. */
export function mdnsRestart(registry: DeviceRegistry): SoakEyes['restartOf'] {
  return async ({ id }, afterMs, signal) => {
    const { kind } = await registry.expectRestart(id, { afterMs, signal });
    return kind === 'announcement' ? 'it announced itself anew' : 'it was gone and is back';
  };
}

/** Devices answer a question within half a second; a busy one is asked again. */
const QUESTIONS = 5;
const ANSWER_WITHIN_MS = 1_500;

/** At the end of a soak: a word of the device that is younger than the question. */
export function mdnsAnswer(registry: DeviceRegistry, clock: Clock): SoakEyes['isThere'] {
  return async ({ id }, _check, signal) => {
    const before = registry.get(id)?.lastSeenMs;
    // Not which is later: somebody may have set the clock back since its last word.
    const hasSpoken = () => registry.get(id)?.lastSeenMs !== before;
    for (let question = 0; question < QUESTIONS && !hasSpoken(); question += 1) {
      registry.probe(id);
      await sleep(clock, ANSWER_WITHIN_MS, signal);
    }
    return hasSpoken();
  };
}

async function evidenceOf(
  registry: DeviceRegistry,
  { device, sinceMs }: ReturnRequest,
  signal: AbortSignal,
): Promise<ReturnEvidence> {
  const { kind, atMs } = await registry.expectReturn(device.id, { afterMs: sinceMs, signal });
  const how = kind === 'announcement' ? 'a fresh burst of mDNS announcements' : 'silent, then it answered mDNS again';
  return { how, atMs };
}

/** Any word of it, late enough after its `OK`: this process was not there when it restarted. */
async function seenSince(
  registry: DeviceRegistry,
  { device, sinceMs }: ReturnRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<ReturnEvidence> {
  for (;;) {
    const { presence, lastSeenMs } = registry.get(device.id) ?? device;
    // What an earlier process heard is no word to this one, and may have another clock.
    if (presence === 'present' && lastSeenMs !== null && lastSeenMs > sinceMs + RESTART_BY_MS)
      return { how: "seen by mDNS after this daemon's own restart", atMs: lastSeenMs };
    await sleep(clock, LOOK_MS, signal);
  }
}
