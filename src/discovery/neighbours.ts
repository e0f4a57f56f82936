import { readFileSync } from 'node:fs';

/** The MAC address of an IPv4 neighbour (`aa:bb:cc:dd:ee:ff`), where this host can know it. */
export type MacLookup = (address: string) => string | null;

/** A thousand devices ask about their address with each word they say; the table changes slowly. */
const FRESH_MS = 30_000;
const COMPLETE_FLAG = 0x2;

/**
 * Looks in the ARP table of Linux. Elsewhere, and for devices behind a router, the answer is always null.
 *
 * A MAC address that several addresses have is nobody's: Wi-Fi repeaters and proxy ARP answer for all behind them.
 */
export function arpLookup(monotonic: () => number, path = '/proc/net/arp'): MacLookup {
  let table: ReadonlyMap<string, string> = new Map();
  let readMs = Number.NEGATIVE_INFINITY;
  return (address) => {
    if (monotonic() - readMs >= FRESH_MS) {
      table = readTable(path);
      readMs = monotonic();
    }
    return table.get(address) ?? null;
  };
}

function readTable(path: string): Map<string, string> {
  try {
    return parseArpTable(readFileSync(path, 'latin1'));
  } catch {
    // Not Linux, or hidden from this service: identity does without.
    return new Map();
  }
}

/** Columns: IP address, HW type, flags, HW address, mask, device (proc_net_arp, Linux). */
export function parseArpTable(text: string): Map<string, string> {
  const rows = text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([address, , flags, mac]) => {
      const isKnown = address && mac && (Number(flags) & COMPLETE_FLAG) !== 0 && !/^[0:]*$/.test(mac);
      return isKnown ? [{ address, mac: mac.toLowerCase() }] : [];
    });
  const owners = Map.groupBy(rows, ({ mac }) => mac);
  return new Map(rows.filter(({ mac }) => owners.get(mac)?.length === 1).map(({ address, mac }) => [address, mac]));
}
