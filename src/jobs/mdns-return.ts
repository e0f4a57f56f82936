import { type Clock, sleep } from '../clock.ts';
import type { DeviceRegistry } from '../discovery/registry.ts';
import type { AwaitReturn, ReturnEvidence, ReturnRequest } from './confirm.ts';

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
    const lastSeenMs = registry.get(device.id)?.lastSeenMs ?? 0;
    if (lastSeenMs > sinceMs + RESTART_BY_MS)
      return { how: "seen by mDNS after this daemon's own restart", atMs: lastSeenMs };
    await sleep(clock, LOOK_MS, signal);
  }
}
