import { type Clock, sleep } from '../clock.ts';
import type { Device } from '../model/device.ts';
import type { VersionCheck } from '../model/rule.ts';
import { bannerText, httpText } from '../transports/probes.ts';

const ASK_TIMEOUT_MS = 2_000;
const INTERVAL_MS = 1_000;

/** What a device says of its version; null: no answer, or none at the place that the check names. Rejects only when aborted. */
export type AskVersion = (device: Device, check: VersionCheck, signal: AbortSignal) => Promise<string | null>;

/** Asks once, by the network or by what the device announces of itself. */
export const askVersion: AskVersion = async (device, check, signal) => {
  const { address } = device;
  switch (check.by) {
    case 'mdns':
      return device.txt[check.key] ?? null;
    case 'tcp':
      return address === null ? null : await bannerText(address, check.port, ASK_TIMEOUT_MS, signal);
    case 'http': {
      const body = address === null ? null : await httpText(address, check.url, check.status, ASK_TIMEOUT_MS, signal);
      return body === null || check.json === null ? body : textAt(body, check.json);
    }
  }
};

export interface VersionWait {
  readonly ask: AskVersion;
  readonly clock: Clock;
  /** Of the monotonic clock. */
  readonly deadlineMs: number;
  /** What the device said before the update; null: nothing. */
  readonly before: string | null;
}

/**
 * Asks until the device says this version, has said for {@link VersionCheck.settledAfterMs} what it said before the update, or the
 * deadline comes. Returns the last that it said, or null.
 * @param find the device as it is known now: it may have moved, and announced something else
 */
export async function askUntilVersion(
  find: () => Device | null,
  check: VersionCheck,
  version: string,
  { ask, clock, deadlineMs, before }: VersionWait,
  signal: AbortSignal,
): Promise<string | null> {
  const { settledAfterMs = Number.POSITIVE_INFINITY } = check;
  let last: string | null = null;
  let oldSinceMs = Number.POSITIVE_INFINITY;
  for (;;) {
    const device = find();
    const said = device === null ? null : await ask(device, check, signal);
    signal.throwIfAborted();
    last = said ?? last;
    if (said !== null && saysVersion(said, check.match, version)) return said;
    const nowMs = clock.monotonic();
    // Silence in between may be one more start.
    oldSinceMs = said !== null && said === before ? Math.min(oldSinceMs, nowMs) : Number.POSITIVE_INFINITY;
    if (nowMs >= deadlineMs || nowMs - oldSinceMs >= settledAfterMs) return last;
    await sleep(clock, INTERVAL_MS, signal);
  }
}

/** How a version shows a restart that nobody saw: the device says it now, and said something else before. Empty: it would show nothing. */
export function newsIn(
  check: VersionCheck | null,
  { expected, before }: { readonly expected: string | null; readonly before: string | null },
  ask: AskVersion,
): { readonly saysNew?: (device: Device, signal: AbortSignal) => Promise<boolean> } {
  if (check === null || expected === null || before === null || saysVersion(before, check.match, expected)) return {};
  return {
    saysNew: async (device, signal) => {
      const said = await ask(device, check, signal);
      return said !== null && saysVersion(said, check.match, expected);
    },
  };
}

/** Whether a text fits the rule's pattern, in which `{version}` stands for this version, letter by letter. */
export function saysVersion(text: string, match: string, version: string): boolean {
  const literal = version.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
  return new RegExp(
    match.replaceAll('{version}', () => literal),
    'm',
  ).test(text);
}

/** What stands in a JSON text at a path such as `firmware.version` or `parts[0].version`; null: nothing that is text or a number. */
export function textAt(json: string, path: string): string | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  for (const [, name, index] of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    const key = name ?? index ?? '';
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return null;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return typeof value === 'string' || typeof value === 'number' ? `${value}` : null;
}
