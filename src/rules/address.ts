import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** An address as it is compared with ranges: the bits of an IPv4 address as one number, IPv6 as the library has it. */
export type Address = number | ipaddr.IPv6;

/** Is this address in one of the ranges? */
export type AddressMatcher = (address: Address) => boolean;

/** CIDR ranges and single addresses. Throws RangeError for what is neither; the config has checked before. */
export function compileRanges(ranges: readonly string[]): AddressMatcher {
  const matchers = ranges.map((text) => {
    const range = parseRange(text);
    if (range === null) throw new RangeError(`${JSON.stringify(text)} is neither an address nor a CIDR range`);
    return rangeMatcher(...range);
  });
  // A loop, and no function for each address: they were half of what the planning of a large fleet had collected as garbage.
  return (address) => {
    for (const matches of matchers) if (matches(address)) return true;
    return false;
  };
}

/** Null where it is no address. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) is IPv4. */
export function parseAddress(text: string): Address | null {
  if (isIPv4(text)) return bitsOf(text.split('.').map(Number)); // ten times faster than the library, for large fleets
  try {
    return comparable(ipaddr.process(text));
  } catch {
    return null; // to ask the library first would be to parse twice
  }
}

function parseRange(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return [ipaddr.IPv4.parse(text), 32];
  if (ipaddr.IPv4.isValidCIDRFourPartDecimal(text)) return ipaddr.IPv4.parseCIDR(text);
  if (ipaddr.IPv6.isValidCIDR(text)) return ipaddr.IPv6.parseCIDR(text);
  if (!ipaddr.IPv6.isValid(text)) return null;
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** A range of one family holds no address of the other. */
function rangeMatcher(network: ipaddr.IPv4 | ipaddr.IPv6, prefixBits: number): AddressMatcher {
  const base = comparable(network);
  if (typeof base !== 'number') return (address) => typeof address !== 'number' && address.match(base, prefixBits);
  const mask = prefixBits === 0 ? 0 : -1 << (32 - prefixBits);
  const masked = base & mask;
  return (address) => typeof address === 'number' && (address & mask) === masked;
}

function comparable(address: ipaddr.IPv4 | ipaddr.IPv6): Address {
  if (!(address instanceof ipaddr.IPv4)) return address;
  return bitsOf(address.octets);
}

function bitsOf(octets: readonly number[]): number {
  return octets.reduce((bits, octet) => (bits << 8) | octet, 0);
}
