import type { PortListing } from './port-listing.ts';
import { isCertainlySame, isSameUsb, mayReturn, slotOf } from './slot.ts';

/** All in milliseconds. */
export interface PortTimes {
  /** How long a port is there before it is told: its device file gets its rights a moment after its name. */
  readonly settleMs: number;
  /** How long a board that restarts may be off the bus without being lost. */
  readonly returnMs: number;
}

/** One port that was in the last list, or is expected back. */
interface Watched {
  readonly listing: PortListing;
  readonly sinceMs: number;
  readonly isTold: boolean;
  /** Since when it is missing; null: it is there. */
  readonly goneMs: number | null;
}

/** By slot. A value: each look makes a new one. Times are monotonic. */
export type PortsSeen = ReadonlyMap<string, Watched>;

/** What became of a slot between two looks. */
export type PortChange =
  /** It is there, or is there under another name than before. */
  | { readonly kind: 'appeared'; readonly slot: string; readonly listing: PortListing }
  | { readonly kind: 'vanished'; readonly slot: string };

/** What one look at the ports has told. */
export interface Observation {
  readonly seen: PortsSeen;
  readonly changes: readonly PortChange[];
  /** When a look would tell more although nothing changed; null: never. */
  readonly dueMs: number | null;
}

/** What a new list of ports means. Pure. */
export function observePorts(
  before: PortsSeen,
  listings: readonly PortListing[],
  nowMs: number,
  times: PortTimes,
): Observation {
  const seen = new Map<string, Watched>();
  const changes: PortChange[] = [];
  const there = new Map(listings.map((listing) => [slotOf(listing), listing]));
  for (const [slot, watched] of before) {
    const left = look(watched, there.get(slot) ?? null, nowMs, times);
    if (left === null && watched.isTold) changes.push({ kind: 'vanished', slot });
    if (left !== null) seen.set(slot, left);
  }
  for (const [slot, listing] of there) {
    const known = seen.get(slot) ?? { listing, sinceMs: nowMs, isTold: false, goneMs: null };
    const isReady = nowMs - known.sinceMs >= times.settleMs;
    const isNews = isReady && (!known.isTold || before.get(slot)?.listing.path !== listing.path);
    if (isNews) changes.push({ kind: 'appeared', slot, listing });
    seen.set(slot, { ...known, listing, isTold: known.isTold || isReady });
  }
  return { seen, changes, dueMs: dueAt(seen, times) };
}

/** What becomes of a port that was known; null: it is gone, and whatever is there now is another. */
function look(watched: Watched, now: PortListing | null, nowMs: number, times: PortTimes): Watched | null {
  const { listing, goneMs } = watched;
  if (now === null) {
    if (!watched.isTold || !mayReturn(listing.usb)) return null;
    const sinceMs = goneMs ?? nowMs;
    return nowMs - sinceMs >= times.returnMs ? null : { ...watched, goneMs: sinceMs };
  }
  const isSame = goneMs === null ? isSameUsb(listing.usb, now.usb) : isCertainlySame(listing.usb, now.usb);
  return isSame ? { ...watched, goneMs: null } : null;
}

function dueAt(seen: PortsSeen, { settleMs, returnMs }: PortTimes): number | null {
  const dues = [...seen.values()].flatMap(({ isTold, sinceMs, goneMs }) => {
    if (goneMs !== null) return [goneMs + returnMs];
    return isTold ? [] : [sinceMs + settleMs];
  });
  return dues.length === 0 ? null : Math.min(...dues);
}
