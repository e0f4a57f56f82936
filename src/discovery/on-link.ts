import { type BlockList, isIP } from 'node:net';
import { blockList, notOneDevice } from '../transports/device-address.ts';
import type { LocalInterface } from './interfaces.ts';

/** What may be believed of the addresses in and around a datagram that came in on one interface. */
export interface LinkScope {
  /** Did the datagram come from this link (RFC 6762, section 11)? */
  isOnLink(source: string): boolean;
  /**
   * Can a device on this link be reached at that address? Link-local IPv6 is left out: a record has no zone to dial it with, and every
   * device that has a use for it here has IPv4 as well.
   */
  isPlausible(address: string): boolean;
}

const LINK_LOCAL_IPV6 = blockList([['fe80::', 10, 'ipv6']]);
const LOOPBACK = blockList([
  ['127.0.0.0', 8, 'ipv4'],
  ['::1', 128, 'ipv6'],
]);

/** By the ranges of the interface at this moment; made anew when they change. */
export function linkScope(local: LocalInterface): LinkScope {
  const onLink = blockList(local.ranges.map(({ address, prefix, family }) => [address, prefix, family]));
  const broadcasts = new Set(local.ranges.flatMap(broadcastOf));
  return {
    isOnLink: (source) => has(onLink, withoutZone(source)),
    isPlausible: (address) =>
      isIP(address) !== 0 &&
      // IPv4 in IPv6 clothes would get around the IPv4 rules.
      !address.toLowerCase().startsWith('::ffff:') &&
      notOneDevice(address) === null &&
      !has(LINK_LOCAL_IPV6, address) &&
      !broadcasts.has(address) &&
      (local.isLoopback || !has(LOOPBACK, address)),
  };
}

/** `fe80::1%eth0` without the zone. */
function withoutZone(address: string): string {
  return address.split('%')[0] ?? address;
}

function has(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function broadcastOf(range: LocalInterface['ranges'][number]): string[] {
  if (range.family !== 'ipv4' || range.prefix > 30) return [];
  const number = range.address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const hostBits = 2 ** (32 - range.prefix);
  const last = Math.floor(number / hostBits) * hostBits + hostBits - 1;
  return [[24, 16, 8, 0].map((shift) => Math.floor(last / 2 ** shift) % 256).join('.')];
}
