import { describe, expect, it } from 'vitest';
import { effectiveConfig, effectiveConfigText } from '../../../src/config/effective.ts';
import { configOf, configText, OTHER_PROTOCOL, SAMPLE_PROTOCOL } from './environment.ts';

const PROTOCOLS = [SAMPLE_PROTOCOL, OTHER_PROTOCOL];

const FULL = configText({
  top: `data: /srv/data
discovery: { mdns: { services: [arduino, other], interface: eth0 }, usb: true }
devices:
  - { name: boiler, address: 10.0.7.31, port: 8266, protocol: espota, chip: esp8266, tags: [basement] }
  - { name: pump, mac: "5c:cf:7f:01:02:03" }
trust: { minisign: [RWSJiCjtx8JdbXJCyWuZGh58lSXAv0rS7fJWQbVLRsnGww7SirOcPrDD], checksums: SHA256SUMS }
hooks: [{ on: [job.failed], run: [notify, "a b"] }, { on: [file.rejected], post: "http://127.0.0.1/x", timeout: 2s, retries: 0 }]
limits: { total: 8, per-subnet: 2, exclusive: [[pump, boiler]] }
log: { level: debug, format: pretty, file: { path: /var/log/d.log, max-size: 1MB, keep: 2 } }`,
  rule: `update: { retries: 1, blocks: 3, patience: 1500ms, password: { env: OTA_PASSWORD }, listen: 40000-40099, chunk: 4096 }
when: { cron: "0 2 * * *", for: 90m, timezone: Asia/Tokyo }
verify: { proof: accepted, within: 5m, by: { http: "http://{address}/", status: 204 } }
expires: 30d
undo: on-failure
allow: [chip-unknown, chip-mismatch]`,
});

describe('the effective config', () => {
  it.each([
    ['the smallest config', configText()],
    ['a full one', FULL],
    ['no mDNS', configText({ top: 'discovery: { mdns: false }' })],
    ['a TCP check', configText({ rule: 'verify: { by: { tcp: 80 } }' })],
    [
      'a version over HTTP',
      configText({ rule: 'verify: { proof: verified, version: { http: "http://{address}/v", json: "a.b" } }' }),
    ],
    ['a version over mDNS, soaked', configText({ rule: 'verify: { proof: soaked, version: { mdns: v }, soak: 1h }' })],
    [
      'a version over TCP',
      configText({ rule: 'verify: { proof: verified, version: { tcp: 23, match: "v{version}$" } }' }),
    ],
    ['a nightly refresh', configText({ rule: 'when: { cron: "0 2 * * *", for: 3h, missed: run, refresh: always }' })],
    ['a date', configText({ rule: 'when: { at: 2026-12-01T02:00, timezone: Asia/Tokyo }' })],
    [
      'blackouts',
      configText({
        rule: 'when: { cron: "0 2 * * *", for: 3h, blackouts: [{ from: 2026-12-24, until: 2026-12-26 }, { from: 2026-12-31T18:00, until: 2027-01-01 }] }',
      }),
    ],
    ['one wave', configText({ rule: 'rollout: {}' })],
    [
      'waves',
      configText({
        rule: 'rollout: { canary: [a, b], waves: [10%, 50, 100%], soak: 0s, stop-at: { failures: 3, percent: 5% }, pause-after: each }',
      }),
    ],
    ['a ramp', configText({ rule: 'rollout: { canary: 2, ramp: { start: 5, factor: 1.5 }, pause-after: canary }' })],
    ['another protocol', configText({ rule: 'update: { protocol: carrier-pigeon }' })],
  ])('loads to the same config again: %s', (_case, text) => {
    const config = configOf(text);
    const again = configOf(effectiveConfigText(config, PROTOCOLS));
    // Closures differ from load to load; what they show of themselves does not.
    expect(JSON.parse(JSON.stringify(again))).toEqual(JSON.parse(JSON.stringify(config)));
  });

  it('shows where secrets come from, and never a secret', () => {
    const shown = (password: string) =>
      JSON.stringify(effectiveConfig(configOf(configText({ rule: `update: { password: ${password} }` })), PROTOCOLS));
    expect(shown('hunter2')).toContain('"password":"(hidden)"');
    expect(shown('hunter2')).not.toContain('hunter2');
    expect(shown('{ env: OTA_PASSWORD }')).toContain('"password":{"env":"OTA_PASSWORD"}');
    expect(shown('{ env: OTA_PASSWORD }')).not.toContain('correct horse');
  });
});
