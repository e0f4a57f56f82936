import type { Device } from '../../model/device.ts';
import { visitorName } from '../../model/publication.ts';
import type { Journal } from '../journal/journal.ts';
import type { VisitorRecord } from '../journal/visitors.ts';

/**
 * The devices that came by themselves, as devices: for people who ask what there is. Their jobs bear the same id. Discovery knows nothing
 * of them, and nothing is planned for them.
 */
export function visitorDevices({ visitors }: Pick<Journal, 'visitors'>): Device[] {
  return [...Map.groupBy(visitors.all(), visitorName)].flatMap(([name, records]) => deviceOf(name, records) ?? []);
}

function deviceOf(name: string, records: readonly VisitorRecord[]): Device | null {
  const [last] = records;
  if (last === undefined) return null;
  return {
    id: name,
    keys: [name],
    name,
    address: last.address,
    port: null,
    serial: null,
    mac: null,
    services: [],
    board: null,
    txt: {},
    chip: null,
    protocol: last.protocol,
    tags: [],
    presence: 'unknown',
    visits: records.map(({ protocol, place, looks, firstMs, lastMs, foundNothingMs }) => ({
      protocol,
      place,
      looks,
      firstMs,
      lastMs,
      foundNothingMs,
    })),
    firstSeenMs: Math.min(...records.map(({ firstMs }) => firstMs)),
    lastSeenMs: last.lastMs,
  };
}
