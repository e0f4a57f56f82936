import { isIPv4 } from 'node:net';
import type { Device } from '../model/device.ts';
import type { JobRecord } from './journal/jobs.ts';
import { isFinal } from './state.ts';

/** How many jobs may run at once. */
export interface Limits {
  readonly total: number;
  /** Per IPv4 /24, or per IPv6 /64. */
  readonly perSubnet: number;
  /** Names of devices, in groups of which never two are updated at the same time. */
  readonly exclusive: readonly (readonly string[])[];
}

/** A queued job with what decides whether it may start. */
export interface Candidate {
  readonly job: JobRecord;
  /** Null: discovery does not know it any more. */
  readonly device: Device | null;
  /** Null while the rule's window is open, else when it opens next (epoch ms). */
  readonly opensAtMs: number | null;
  /** Why its rollout does not let it start, for people; null: it does. */
  readonly heldBy: string | null;
}

/**
 * A job that holds its device and the groups of that, and while it sends also a place in its subnet. One that failed without its device
 * being seen again holds only the groups: of two pumps, the other is the one that still runs.
 */
export interface Holder {
  readonly job: JobRecord;
  readonly device: Device | null;
}

/** Which jobs start now, and why the others do not. */
export interface Admission {
  /** In the order in which they are to be started. */
  readonly start: readonly JobRecord[];
  /** Job id → why it is not started, for people. */
  readonly waiting: ReadonlyMap<string, string>;
  /** When to look again if nothing else happens, epoch ms; null: only an event can change the answer. */
  readonly wakeAtMs: number | null;
}

/**
 * Who may start now: oldest first, one job per device, within the limits, not before its time, in its window, and only on a
 * device that is there. Pure.
 */
export function admit(
  candidates: readonly Candidate[],
  holders: readonly Holder[],
  limits: Limits,
  nowMs: number,
): Admission {
  const occupancy = new Occupancy(holders, limits);
  const start: JobRecord[] = [];
  const waiting = new Map<string, string>();
  let wakeAtMs: number | null = null;
  for (const candidate of candidates) {
    const dueMs = Math.max(candidate.job.notBeforeMs, candidate.opensAtMs ?? 0);
    if (dueMs > nowMs && candidate.heldBy === null) wakeAtMs = Math.min(wakeAtMs ?? dueMs, dueMs);
    const reason = whyNotByItself(candidate, nowMs) ?? occupancy.whyFull(candidate.device);
    if (reason !== null) {
      waiting.set(candidate.job.id, reason);
      continue;
    }
    start.push(candidate.job);
    occupancy.take(candidate);
  }
  return { start, waiting, wakeAtMs };
}

function whyNotByItself({ job, device, opensAtMs, heldBy }: Candidate, nowMs: number): string | null {
  if (device === null) return 'the device is not known any more';
  if (device.address === null && device.serial === null) return 'the device has no address yet';
  if (device.conflict !== undefined) return `it is not clear which device this is: ${device.conflict}`;
  if (heldBy !== null) return heldBy;
  if (device.presence === 'away') return 'the device is away; the job starts when it appears';
  if (opensAtMs !== null && opensAtMs > nowMs) return `the maintenance window opens at ${isoSeconds(opensAtMs)}`;
  if (job.notBeforeMs > nowMs) return `attempt ${job.attempts + 1} follows at ${isoSeconds(job.notBeforeMs)}`;
  return null;
}

/** Rounded up, so that nobody waits for a time that has come and sees nothing. */
function isoSeconds(atMs: number): string {
  return new Date(Math.ceil(atMs / 1000) * 1000).toISOString().replace('.000', '');
}

class Occupancy {
  readonly #devices = new Set<string>();
  readonly #subnets = new Map<string, number>();
  /** Group → the device of it that is being updated. */
  readonly #groups = new Map<readonly string[], Device>();
  readonly #limits: Limits;
  #sending = 0;

  constructor(holders: readonly Holder[], limits: Limits) {
    this.#limits = limits;
    for (const holder of holders) {
      if (isFinal(holder.job.state)) this.#holdGroups(holder.device);
      else this.#hold(holder);
      if (holder.job.state === 'running') this.take(holder);
    }
  }

  take(holder: Holder): void {
    const { device } = holder;
    this.#hold(holder);
    this.#sending += 1;
    const subnet = subnetOf(device?.address ?? null);
    if (device?.serial) return;
    this.#subnets.set(subnet, (this.#subnets.get(subnet) ?? 0) + 1);
  }

  /** By the id that discovery gives it now: two devices that turned out to be one share it. */
  #hold({ job, device }: Holder): void {
    this.#devices.add(device?.id ?? job.device);
    this.#holdGroups(device);
  }

  #holdGroups(device: Device | null): void {
    if (device !== null) for (const group of this.#groupsOf(device)) this.#groups.set(group, device);
  }

  #groupsOf({ name }: Device): readonly (readonly string[])[] {
    const own = name.toLowerCase();
    return this.#limits.exclusive.filter((group) => group.some((member) => member.toLowerCase() === own));
  }

  #partnerOf(device: Device): Device | undefined {
    const partners = this.#groupsOf(device).map((group) => this.#groups.get(group));
    return partners.find((partner) => partner !== undefined && partner.id !== device.id);
  }

  whyFull(device: Device | null): string | null {
    if (device !== null && this.#devices.has(device.id)) return 'another job of this device comes first';
    const partner = device === null ? undefined : this.#partnerOf(device);
    if (partner !== undefined)
      return `${partner.name} of its exclusive group is being updated, or was not seen to come back`;
    if (this.#sending >= this.#limits.total) return `${this.#limits.total} jobs are running, the limit in all`;
    const subnet = subnetOf(device?.address ?? null);
    // Ports share nothing with one another.
    if (device?.serial) return null;
    if ((this.#subnets.get(subnet) ?? 0) < this.#limits.perSubnet) return null;
    return `${this.#limits.perSubnet} jobs are running in ${subnet}, the limit per subnet`;
  }
}

/** The network a device is counted in, of IPv6 the first four groups: enough to spread the load. */
export function subnetOf(address: string | null): string {
  if (address === null) return 'no subnet';
  if (isIPv4(address)) return `${address.split('.').slice(0, 3).join('.')}.0/24`;
  return `${address.split(':').slice(0, 4).join(':')}::/64`;
}
