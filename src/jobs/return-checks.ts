import { type Clock, sleep } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Device } from '../model/device.ts';
import type { ReturnCheck } from '../model/rule.ts';
import { httpProbe, type Probe, pingProbe, tcpProbe } from '../transports/probes.ts';
import type { AwaitReturn, ReturnEvidence, ReturnRequest } from './confirm.ts';
import type { SoakEyes } from './soak.ts';

/** Short enough to catch the second or two in which an ESP restarts and joins its network again. */
const INTERVAL_MS = 250;
const PROBE_TIMEOUT_MS = 1_000;

/** How each check of a rule is carried out: mDNS by discovery, the others by asking the device again and again. */
export function returnChecks(byMdns: AwaitReturn, clock: Clock, log: Logger): AwaitReturn {
  return async (request, signal) => {
    const probe = probeFor(request.check, request.device, log);
    if (probe === null) return byMdns(request, signal);
    return await askUntilReturn(probe, request, clock, signal);
  };
}

/** Packets get lost on Wi-Fi: one answer in so many tries is enough to be there. */
const TRIES = 5;

/** Whether a device answers, by the same checks. It is asked again where it does not. */
export function answerChecks(byMdns: SoakEyes['isThere'], log: Logger): SoakEyes['isThere'] {
  return async (device, check, signal) => {
    const probe = probeFor(check, device, log);
    if (probe === null) return byMdns(device, check, signal);
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      if (await probe(PROBE_TIMEOUT_MS, signal)) return true;
      signal.throwIfAborted();
    }
    return false;
  };
}

/** Null: by mDNS. */
function probeFor(check: ReturnCheck, { address, name, services }: Device, log: Logger): Probe | null {
  if (address === null) return null;
  const ping = () =>
    pingProbe(
      address,
      once((message) => log.warn('check.unusable', { device: name, code: 'LINK_NO_PING', message })),
    );
  switch (check.by) {
    case 'mdns':
      return null;
    case 'auto':
      return services.length > 0 ? null : ping();
    case 'ping':
      return ping();
    case 'tcp':
      return tcpProbe(address, check.port);
    case 'http':
      return httpProbe(address, check.url, check.status);
  }
}

/** The same reason comes with each of many questions. */
function once(report: (reason: string) => void): (reason: string) => void {
  let isSaid = false;
  return (reason) => {
    if (!isSaid) report(reason);
    isSaid = true;
  };
}

/** How often a device that has not been silent is asked for its version, in rounds of {@link INTERVAL_MS} and a probe. */
const ROUNDS_TO_NEWS = 8;

/**
 * A device that answers all the time has not restarted, so an answer counts only after a silence, or with a version that the device did not
 * have before. Where the restart may have been missed, the first answer has to do.
 */
async function askUntilReturn(
  probe: Probe,
  request: ReturnRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<ReturnEvidence | null> {
  const startedAt = clock.monotonic();
  let silentSince: number | null = null;
  for (let round = 1; clock.monotonic() - startedAt < request.withinMs; round += 1) {
    const askedAt = clock.monotonic();
    const answered = await probe(PROBE_TIMEOUT_MS, signal);
    signal.throwIfAborted();
    if (!answered) silentSince ??= askedAt;
    if (answered && silentSince !== null) {
      const silence = ((clock.monotonic() - silentSince) / 1000).toFixed(1);
      return { how: `silent for ${silence} s, then answered ${wordFor(request.check)}`, atMs: clock.now() };
    }
    if (answered && request.missedTheRestart) {
      return { how: `answered ${wordFor(request.check)} after this daemon's own restart`, atMs: clock.now() };
    }
    if (answered && round % ROUNDS_TO_NEWS === 0 && (await request.saysNew?.(request.device, signal))) {
      return { how: 'it says the version of the image, and said another one before', atMs: clock.now() };
    }
    await sleep(clock, INTERVAL_MS, signal);
  }
  return null;
}

function wordFor({ by }: ReturnCheck): string {
  return by === 'auto' || by === 'ping' ? 'a ping' : `by ${by}`;
}
