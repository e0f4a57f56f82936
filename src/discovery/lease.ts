/** When to ask again before a record runs out, as parts of its life, each plus up to 2 % at random (RFC 6762, section 5.2). */
const REFRESH_AT = [0.8, 0.85, 0.9, 0.95] as const;
const REFRESH_JITTER = 0.02;

/** A hostile TTL must neither make us ask without end nor remember for ever. The usual ones are 120 s and 4500 s. */
const MIN_TTL_MS = 5_000;
const MAX_TTL_MS = 24 * 3_600_000;

/** How long a record is believed. Monotonic milliseconds. */
export interface Lease {
  readonly receivedMs: number;
  readonly expiresMs: number;
  /** When to ask for it again; past the last refresh, the time it expires. */
  readonly dueMs: number;
  readonly refreshes: number;
}

/** A lease from now on. The TTL is held between 5 s and a day, since it comes from the network. */
export function grantLease(ttlSeconds: number, nowMs: number, random: () => number): Lease {
  const ttlMs = Math.min(MAX_TTL_MS, Math.max(MIN_TTL_MS, ttlSeconds * 1000));
  return schedule(nowMs, nowMs + ttlMs, 0, random);
}

/** The next turn of a lease whose refresh was asked for. */
export function refreshAsked(lease: Lease, random: () => number): Lease {
  return schedule(lease.receivedMs, lease.expiresMs, lease.refreshes + 1, random);
}

/** Ends one second from now, as goodbye and cache flush demand (RFC 6762, sections 10.1 and 10.2). */
export function shortenLease(lease: Lease, nowMs: number): Lease {
  const expiresMs = Math.min(lease.expiresMs, nowMs + 1000);
  return { ...lease, expiresMs, dueMs: expiresMs, refreshes: REFRESH_AT.length };
}

/** Whether the record should be asked for again: at 80, 85, 90 and 95 % of its life (RFC 6762, section 5.2). */
export function isRefreshDue(lease: Lease, nowMs: number): boolean {
  return lease.refreshes < REFRESH_AT.length && lease.dueMs <= nowMs && lease.expiresMs > nowMs;
}

function schedule(receivedMs: number, expiresMs: number, refreshes: number, random: () => number): Lease {
  const at = REFRESH_AT[refreshes];
  const part = at === undefined ? 1 : at + random() * REFRESH_JITTER;
  return { receivedMs, expiresMs, refreshes, dueMs: receivedMs + (expiresMs - receivedMs) * part };
}
