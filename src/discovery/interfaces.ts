import type { NetworkInterfaceInfo } from 'node:os';

/** What `os.networkInterfaces()` returns. */
export type InterfaceTable = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** One network interface that mDNS is spoken on. */
export interface LocalInterface {
  readonly name: string;
  /** What sightings carry: its IPv4 address, or the link-local IPv6 address where it has none. */
  readonly address: string;
  readonly isLoopback: boolean;
  /** Every range that counts as on-link (RFC 6762, section 11). */
  readonly ranges: readonly { readonly address: string; readonly prefix: number; readonly family: 'ipv4' | 'ipv6' }[];
  /** Which multicast groups can be joined here: 224.0.0.251, ff02::fb. */
  readonly families: readonly ('ipv4' | 'ipv6')[];
}

/**
 * The interfaces that `choice` names, of those the system has now.
 *
 * @param choice `auto`: all but the loopback interface; else the name of an interface or one of its addresses
 */
export function chooseInterfaces(table: InterfaceTable, choice: string): LocalInterface[] {
  return Object.entries(table)
    .map(([name, infos]) => toLocalInterface(name, (infos ?? []).filter(isUsable), choice))
    .filter((local) => local !== null);
}

function toLocalInterface(name: string, infos: readonly NetworkInterfaceInfo[], choice: string): LocalInterface | null {
  const isLoopback = infos.some((info) => info.internal);
  const isNamed = choice === name || infos.some((info) => info.address === choice);
  if (choice === 'auto' ? isLoopback : !isNamed) return null;
  const ipv4 = infos.filter((info) => info.family === 'IPv4');
  const ipv6 = infos.filter((info) => info.family === 'IPv6');
  const address = ipv4.find((info) => info.address === choice)?.address ?? ipv4[0]?.address ?? ipv6[0]?.address;
  if (address === undefined) return null;
  return {
    name,
    address,
    isLoopback,
    ranges: infos.map((info) => ({
      address: info.address,
      prefix: Number(info.cidr?.split('/')[1] ?? (info.family === 'IPv4' ? 32 : 128)),
      family: info.family === 'IPv4' ? 'ipv4' : 'ipv6',
    })),
    families: [...(ipv4.length > 0 ? ['ipv4' as const] : []), ...(ipv6.length > 0 ? ['ipv6' as const] : [])],
  };
}

/** mDNS over IPv6 goes from the link-local address; the loopback interface has none and is served over IPv4. */
function isUsable(info: NetworkInterfaceInfo): boolean {
  return info.family === 'IPv4' || info.address.toLowerCase().startsWith('fe80:');
}

/** Changes when the interface has to be opened anew. */
export function fingerprint(local: LocalInterface): string {
  return JSON.stringify([local.name, local.ranges]);
}
