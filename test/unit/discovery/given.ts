import type { DnsRecord, DnsResponse } from '../../../src/discovery/dns-message.ts';
import type { FixedDevice, MdnsSighting } from '../../../src/model/device.ts';

/** Records of one device with the TTLs of esp8266/Arduino. */
export function recordsOf(instance: string, address: string, { port = 8266, service = 'arduino', ttl = 4500 } = {}) {
  const domain = `_${service}._tcp.local`;
  const fqdn = `${instance}.${domain}`;
  const host = `${instance}.local`;
  return {
    ptr: { name: domain, ttl, flush: false, type: 'PTR', target: fqdn },
    srv: { name: fqdn, ttl, flush: true, type: 'SRV', target: host, port },
    txt: { name: fqdn, ttl, flush: true, type: 'TXT', strings: [Buffer.from('board=generic')] },
    a: { name: host, ttl: Math.min(ttl, 120), flush: true, type: 'A', address },
  } as const satisfies Record<string, DnsRecord>;
}

export function responseOf(answers: readonly DnsRecord[], additionals: readonly DnsRecord[] = []): DnsResponse {
  return { answers, additionals, unfitCount: 0 };
}

export function announcementOf(instance: string, address: string, options = {}): DnsResponse {
  const { ptr, srv, txt, a } = recordsOf(instance, address, options);
  return responseOf([ptr, srv, txt, a]);
}

export function sightingOf(instance: string, address: string, changes: Partial<MdnsSighting> = {}): MdnsSighting {
  return {
    via: 'mdns',
    service: 'arduino',
    instance,
    host: `${instance}.local`,
    port: 8266,
    addresses: [address],
    txt: { board: 'generic' },
    localInterface: '10.0.0.1',
    isAnnouncement: false,
    probedMs: null,
    ttlSeconds: 120,
    atMs: 1_000_000,
    ...changes,
  };
}

export function entryOf(name: string, changes: Partial<FixedDevice> = {}): FixedDevice {
  return {
    name,
    address: null,
    port: null,
    mac: null,
    serial: null,
    instance: null,
    protocol: null,
    chip: null,
    tags: [],
    ...changes,
  };
}
