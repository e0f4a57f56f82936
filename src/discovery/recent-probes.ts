import type { DnsRecord } from './dns-message.ts';
import { isProbeOf } from './probe.ts';
import type { InstanceView } from './record-cache.ts';

interface RecentProbe {
  readonly claims: readonly DnsRecord[];
  readonly source: string;
  /** Epoch ms. */
  readonly atMs: number;
}

/** A start is over by then, uploads in between included. */
const KEPT_MS = 60_000;
/** A device probes three times for its host name, then three times for all of its services (esp8266/Arduino, LEAmDNS_Control.cpp). */
const LIMITS = { addresses: 512, perAddress: 8, claims: 16 } as const;

/**
 * Probes for names that nobody was known to have yet: a device asks for its names before it says for the first time who it is. Bounded,
 * as anyone can send them; the oldest give way.
 */
export class RecentProbes {
  /** By each address that they came from or claimed, the one that was heard last at the end. */
  readonly #byAddress = new Map<string, readonly RecentProbe[]>();

  /** @param source the address that the packet came from */
  remember(claims: readonly DnsRecord[], source: string, atMs: number): void {
    // Texts are long, and tell nothing of whose the probe is.
    const named = claims.filter(({ type }) => type !== 'TXT').slice(0, LIMITS.claims);
    const claimed = named.flatMap((claim) => (claim.type === 'A' || claim.type === 'AAAA' ? [claim.address] : []));
    for (const address of new Set([source, ...claimed])) {
      const earlier = this.#byAddress.get(address) ?? [];
      this.#byAddress.delete(address);
      this.#byAddress.set(address, [...earlier, { claims: named, source, atMs }].slice(-LIMITS.perAddress));
      const [oldest] = this.#byAddress.keys();
      if (this.#byAddress.size > LIMITS.addresses && oldest !== undefined) this.#byAddress.delete(oldest);
    }
  }

  /** When the device of this instance last asked for its names, epoch ms, or null; told once. */
  takeOf(view: InstanceView, nowMs: number): number | null {
    let lastMs: number | null = null;
    for (const address of view.addresses) {
      const probes = this.#byAddress.get(address);
      if (!probes) continue;
      const others = probes.filter(({ claims, source }) => !isProbeOf(view, claims, source));
      if (others.length === 0) this.#byAddress.delete(address);
      else this.#byAddress.set(address, others);
      for (const probe of probes) {
        const isOwn = !others.includes(probe) && nowMs - probe.atMs < KEPT_MS;
        if (isOwn) lastMs = Math.max(lastMs ?? 0, probe.atMs);
      }
    }
    return lastMs;
  }
}
