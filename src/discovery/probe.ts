import { type DnsRecord, foldName } from './dns-message.ts';
import type { InstanceView } from './record-cache.ts';
import { serviceDomain } from './service-instance.ts';

/** The names that the sender of a probe claims, folded. */
export function claimedNames(claims: readonly DnsRecord[]): ReadonlySet<string> {
  return new Set(claims.map((claim) => foldName(claim.type === 'PTR' ? claim.target : claim.name)));
}

/**
 * Is a probe (RFC 6762, section 8.1) that of this instance's own device? Both cores send three of them when they start (esp8266/Arduino,
 * LEAmDNS_Control.cpp; espressif/esp-protocols, components/mdns). Another device that would like to have the same name probes for it as
 * well, from another address.
 *
 * @param claims the records that the sender means to have
 * @param source the address that the packet came from
 */
export function isProbeOf(view: InstanceView, claims: readonly DnsRecord[], source: string): boolean {
  const names = [`${view.instance}.${serviceDomain(view.service)}`, view.host].map(foldName);
  const own = claims.filter((claim) => names.includes(foldName(claim.type === 'PTR' ? claim.target : claim.name)));
  const addresses = own.flatMap((claim) => (claim.type === 'A' || claim.type === 'AAAA' ? [claim.address] : []));
  return own.length > 0 && [source, ...addresses].some((address) => view.addresses.includes(address));
}
