import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { formatProblems } from '../../../src/config/problem.ts';
import { configOf, configText, ENVIRONMENT, FILE } from './environment.ts';

const ruleOf = (rule: string) => configOf(configText({ rule })).rules[0];

describe('a config that says only what it must', () => {
  const config = configOf(configText());

  it('has the documented defaults', () => {
    expect(config).toEqual({
      version: 1,
      drop: { path: '/etc/dropflash/drop', settleMs: 2000, scanMs: 30_000 },
      dataPath: '/etc/dropflash/data',
      keep: { imagesMs: 90 * 86_400_000, historyMs: 730 * 86_400_000 },
      discovery: { mdns: { services: ['arduino'], interface: 'auto' }, usb: false },
      devices: [],
      limits: { total: 32, perSubnet: 16, exclusive: [] },
      control: { socket: null },
      hooks: [],
      trust: null,
      servers: { ftp: null, espat: null },
      log: { level: 'info', format: 'json', file: null },
      rules: [
        {
          name: 'sensors',
          firmware: { file: 'sensor-*.bin', chip: null, project: null, version: null, kind: null },
          devices: {
            name: 'sensor-*',
            board: null,
            service: null,
            address: null,
            mac: null,
            chip: null,
            tags: null,
            port: null,
            usb: null,
          },
          update: {
            protocol: 'espota',
            retries: 5,
            options: { blocks: 2, patience: 12_000, careful: true, chunk: 'auto' },
          },
          when: { kind: 'now' },
          verify: { proof: 'returned', withinMs: 90_000, check: { by: 'auto' }, version: null, soakMs: 0 },
          rollout: null,
          undo: 'never',
          expiresMs: null,
          versions: { downgrade: 'refuse', ladder: [], withinMs: 600_000 },
          allow: [],
          line: { again: 'skip', bootCheck: null, unitData: null },
          backup: null,
        },
      ],
    });
  });

  it('is frozen to the bottom', () => {
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.rules[0]?.update.options)).toBe(true);
    expect(Object.isFrozen(config.rules)).toBe(true);
  });
});

describe('values', () => {
  it('keeps what nobody needs as long as it says, but never for less than a day', () => {
    const keep = (text: string) => configOf(`${configText()}keep: ${text}\n`).keep;
    expect(keep('{ images: forever, history: 3650d }')).toEqual({ imagesMs: null, historyMs: 3650 * 86_400_000 });
    expect(() => keep('{ images: 23h }')).toThrow();
  });

  it('resolves paths against the folder of the config, and leaves absolute ones alone', () => {
    const config = configOf(
      configText({ top: 'data: /srv/data\nlog: { file: { path: logs/d.log, max-size: 500kB } }' }),
    );
    expect(config.dataPath).toBe('/srv/data');
    expect(config.log.file).toEqual({ path: '/etc/dropflash/logs/d.log', maxBytes: 500_000, keep: 5 });
  });

  it('reads devices of the fixed list', () => {
    const text = configText({
      top: `devices:
  - { name: boiler, address: 10.0.7.31, port: 8266, protocol: espota, chip: ESP32-S3, tags: [basement] }
  - { name: pump, mac: 5C-CF-7F-01-02-03 }
  - { name: lamp, instance: esp8266-0a1b2c }`,
    });
    expect(configOf(text).devices).toEqual([
      {
        name: 'boiler',
        address: '10.0.7.31',
        port: 8266,
        mac: null,
        serial: null,
        instance: null,
        protocol: 'espota',
        chip: 'esp32s3',
        tags: ['basement'],
      },
      expect.objectContaining({ name: 'pump', mac: '5c:cf:7f:01:02:03', address: null }),
      expect.objectContaining({ name: 'lamp', instance: 'esp8266-0a1b2c' }),
    ]);
  });

  it('takes the chip at its word on a port, and wants a device on the network to come back', () => {
    const serial = { name: 'serial', summary: 'a port', options: {} };
    const text = configText({ rule: 'update: { protocol: serial }' });
    expect(configOf(text, { ...ENVIRONMENT, protocols: [serial] }).rules[0]?.verify.proof).toBe('accepted');
    expect(ruleOf('expires: never')?.verify.proof).toBe('returned');
  });

  it.each([
    ['before', { keep: 3 }],
    ['{ keep: 5 }', { keep: 5 }],
    ['{ before: false }', null],
  ])('reads backup: %s', (backup, expected) => {
    const serial = { name: 'serial', summary: 'a port', options: {} };
    const text = configText({
      top: 'discovery: { usb: true }',
      rule: `update: { protocol: serial }\nwhen: attach\nbackup: ${backup}`,
    });
    expect(configOf(text, { ...ENVIRONMENT, protocols: [serial] }).rules[0]?.backup).toEqual(expected);
  });

  it('lets discovery be switched off', () =>
    expect(configOf(configText({ top: 'discovery: { mdns: false }' })).discovery.mdns).toBe(false));

  it('reads every kind of option', () => {
    const update = ruleOf(
      'update: { blocks: 8, patience: 1s500ms, careful: false, chunk: 4096, local-address: 10.0.0.1, listen: 40000-40099 }',
    )?.update;
    expect(update?.options).toEqual({
      blocks: 8,
      patience: 1500,
      careful: false,
      chunk: '4096',
      'local-address': '10.0.0.1',
      listen: { first: 40_000, last: 40_099 },
    });
  });

  it('reads a single port as a range of one', () =>
    expect(ruleOf('update: { listen: 8266 }')?.update.options['listen']).toEqual({ first: 8266, last: 8266 }));

  it('takes the options of the protocol that is named', () =>
    expect(ruleOf('update: { protocol: carrier-pigeon, retries: 0 }')?.update).toEqual({
      protocol: 'carrier-pigeon',
      retries: 0,
      options: { pigeons: 1 },
    }));

  it('reads a maintenance window, in the zone of the machine unless told', () => {
    const window = {
      kind: 'window',
      cron: '0 2 * * *',
      forMs: 10_800_000,
      blackouts: [],
      missed: 'skip',
      refresh: 'needed',
    };
    expect(ruleOf('when: { cron: "0 2 * * *", for: 3h }')?.when).toEqual({ ...window, timezone: 'Europe/Vienna' });
    expect(ruleOf('when: { cron: "0 2 * * *", for: 3h, timezone: Asia/Tokyo }')?.when).toEqual({
      ...window,
      timezone: 'Asia/Tokyo',
    });
  });

  it.each([
    ['ping', { by: 'ping' }],
    ['{ tcp: 80 }', { by: 'tcp', port: 80 }],
    ['{ http: "http://{address}/up" }', { by: 'http', url: 'http://{address}/up', status: 200 }],
    ['{ http: "http://{address}/up", status: 204 }', { by: 'http', url: 'http://{address}/up', status: 204 }],
  ])('verifies by %s', (by, check) => expect(ruleOf(`verify: { by: ${by} }`)?.verify.check).toEqual(check));

  it('reads expiry and overrides', () => {
    const rule = ruleOf('expires: 30d\nallow: [chip-unknown]');
    expect(rule?.expiresMs).toBe(30 * 86_400_000);
    expect(rule?.allow).toEqual(['chip-unknown']);
  });

  it('takes anchors and aliases', () => {
    const text = `${configText({ rule: 'update: &careful { blocks: 1 }' })}
  - { name: second, firmware: { file: b }, devices: { name: b }, update: *careful }`;
    expect(configOf(text).rules[1]?.update.options['blocks']).toBe(1);
  });

  it('ignores a byte order mark', () =>
    expect(parseConfig(`\uFEFF${configText()}`, FILE, ENVIRONMENT).problems).toEqual([]));

  it('takes lines that end in CR LF', () =>
    expect(parseConfig(configText().replaceAll('\n', '\r\n'), FILE, ENVIRONMENT).problems).toEqual([]));
});

describe('warnings', () => {
  const warningsOf = (text: string) =>
    parseConfig(text, FILE, ENVIRONMENT).warnings.map(({ line, path, code }) => `${line} ${path} ${code}`);

  it('a password in plain text', () => {
    const text = configText({ rule: 'update: { password: hunter2 }' });
    expect(warningsOf(text)).toEqual(['8 rules[0].update.password CONFIG_PLAIN_SECRET']);
    expect(formatProblems(parseConfig(text, FILE, ENVIRONMENT).warnings).join()).not.toContain('hunter2');
  });

  const shadow = (firmware: string, devices: string) =>
    `${configText()}
  - { name: second, firmware: ${firmware}, devices: ${devices} }`;

  it.each([
    ['the same selectors', '{ file: "SENSOR-*.bin" }', '{ name: "sensor-*" }'],
    ['narrower ones', '{ file: "sensor-*.bin", chip: esp32 }', '{ name: "sensor-*", tags: [a] }'],
  ])('a rule behind one with %s', (_case, firmware, devices) =>
    expect(warningsOf(shadow(firmware, devices))).toEqual(['10 rules[1] CONFIG_RULE_SHADOWED']),
  );

  it('not for filesystem images behind a rule that takes none', () =>
    expect(
      warningsOf(`version: 1
drop: { path: ./drop }
rules:
  - { name: apps, firmware: { chip: esp32 }, devices: { name: a } }
  - { name: files, firmware: { chip: esp32, kind: filesystem }, devices: { name: a } }`),
    ).toEqual([]));

  it.each([
    ['other files', '{ file: "relay-*.bin" }', '{ name: "sensor-*" }'],
    ['more devices', '{ file: "sensor-*.bin" }', '{ board: "d1*" }'],
    ['any file', '{ file: "*" }', '{ name: "sensor-*" }'],
  ])('not for a rule with %s', (_case, firmware, devices) => expect(warningsOf(shadow(firmware, devices))).toEqual([]));
});
