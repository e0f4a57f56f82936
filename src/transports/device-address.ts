import { BlockList, isIP } from 'node:net';

export type AddressRange = readonly [address: string, prefixBits: number, family: 'ipv4' | 'ipv6'];

/** RFC 6890, sections 2.2.2 and 2.2.3; RFC 5771; RFC 4291, section 2.7. The first one that holds an address names it. */
const NOT_ONE_DEVICE: readonly (readonly [what: string, ranges: BlockList])[] = [
  ['the broadcast address', blockList([['255.255.255.255', 32, 'ipv4']])],
  [
    'an unspecified address',
    blockList([
      ['0.0.0.0', 8, 'ipv4'],
      ['::', 128, 'ipv6'],
    ]),
  ],
  [
    'a multicast address',
    blockList([
      ['224.0.0.0', 4, 'ipv4'],
      ['ff00::', 8, 'ipv6'],
    ]),
  ],
  ['a reserved address', blockList([['240.0.0.0', 4, 'ipv4']])],
];

/**
 * Why an address can be no device's, as `a multicast address`; null where it can be one. The broadcast address of a subnet is not told: that takes
 * its netmask. IPv4 in IPv6 clothes (`::ffff:224.0.0.1`) is judged as IPv4.
 *
 * @param address IPv4 or IPv6, in numbers
 */
export function notOneDevice(address: string): string | null {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  return NOT_ONE_DEVICE.find(([, ranges]) => ranges.check(address, family))?.[0] ?? null;
}

/** Ranges to look an address up in. */
export function blockList(ranges: readonly AddressRange[]): BlockList {
  const list = new BlockList();
  for (const [address, prefixBits, family] of ranges) list.addSubnet(address, prefixBits, family);
  return list;
}
