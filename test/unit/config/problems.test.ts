import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { formatProblems } from '../../../src/config/problem.ts';
import { configText, ENVIRONMENT, FILE, messagesOf, problemsOf } from './environment.ts';

const inRule = (rule: string) => configText({ rule });
const atTop = (top: string) => configText({ top });

describe('the shape', () => {
  it.each([
    ['an unknown key, at its place', inRule('protocl: espota'), '8:5 rules[0].protocl CONFIG_UNKNOWN_KEY'],
    ['a key of the prototype', atTop('__proto__: 1'), '3:1 __proto__ CONFIG_UNKNOWN_KEY'],
    ['an inherited name', atTop('constructor: 1'), '3:1 constructor CONFIG_UNKNOWN_KEY'],
    ['a wrong type', inRule('update: { retries: three }'), '8:24 rules[0].update.retries CONFIG_WRONG_TYPE'],
    ['a number out of range', atTop('limits: { total: 0 }'), '3:18 limits.total CONFIG_BAD_VALUE'],
    ['a fraction', atTop('limits: { total: 1.5 }'), '3:18 limits.total CONFIG_WRONG_TYPE'],
    ['not a number', atTop('limits: { total: .nan }'), '3:18 limits.total CONFIG_WRONG_TYPE'],
    ['no value', inRule('verify:'), '8:12 rules[0].verify CONFIG_WRONG_TYPE'],
    ['a duration without unit', inRule('verify: { within: 90 }'), '8:23 rules[0].verify.within CONFIG_WRONG_TYPE'],
    ['a duration out of range', inRule('verify: { within: 1ms }'), '8:23 rules[0].verify.within CONFIG_BAD_VALUE'],
    [
      'an unknown protocol',
      inRule('update: { protocol: espta }'),
      '8:25 rules[0].update.protocol CONFIG_UNKNOWN_PROTOCOL',
    ],
    ["another protocol's option", inRule('update: { pigeons: 1 }'), '8:15 rules[0].update.pigeons CONFIG_UNKNOWN_KEY'],
    ['a bad cron expression', inRule('when: { cron: "1 2", for: 3h }'), '8:19 rules[0].when.cron CONFIG_BAD_VALUE'],
    [
      'an unknown zone',
      inRule('when: { cron: "* * * * *", for: 3h, timezone: Berlin }'),
      '8:51 rules[0].when.timezone CONFIG_BAD_VALUE',
    ],
    [
      'an offset for a zone',
      inRule('when: { cron: "* * * * *", for: 3h, timezone: "+02:00" }'),
      '8:51 rules[0].when.timezone CONFIG_BAD_VALUE',
    ],
    ['a window without length', inRule('when: { cron: "* * * * *" }'), '8:11 rules[0].when.for CONFIG_MISSING_KEY'],
    [
      'two return checks',
      inRule('verify: { by: { tcp: 1, http: "http://a" } }'),
      '8:19 rules[0].verify.by CONFIG_BAD_VALUE',
    ],
    [
      'a password in a URL',
      inRule('verify: { by: { http: "http://a:b@c" } }'),
      '8:27 rules[0].verify.by.http CONFIG_BAD_VALUE',
    ],
    [
      'waves that do not reach everyone',
      inRule('rollout: { waves: [10%, 50%] }'),
      '8:23 rules[0].rollout.waves CONFIG_BAD_VALUE',
    ],
    [
      'waves that do not grow',
      inRule('rollout: { waves: [50%, 50%, 100%] }'),
      '8:23 rules[0].rollout.waves CONFIG_BAD_VALUE',
    ],
    ['a share of nothing', inRule('rollout: { waves: [0%, 100%] }'), '8:24 rules[0].rollout.waves[0] CONFIG_BAD_VALUE'],
    ['waves and a ramp', inRule('rollout: { waves: [100%], ramp: {} }'), '8:14 rules[0].rollout CONFIG_CONFLICT'],
    ['a pause after no canary', inRule('rollout: { pause-after: canary }'), '8:14 rules[0].rollout CONFIG_CONFLICT'],
    ['no limit of failures', inRule('rollout: { stop-at: {} }'), '8:25 rules[0].rollout.stop-at CONFIG_MISSING_KEY'],
    ['a version from nowhere', inRule('verify: { proof: verified }'), '8:13 rules[0].verify CONFIG_MISSING_KEY'],
    [
      'a version that nobody asks for',
      inRule('verify: { version: { mdns: v } }'),
      '8:13 rules[0].verify CONFIG_CONFLICT',
    ],
    ['a soak of another proof', inRule('verify: { soak: 1m }'), '8:13 rules[0].verify CONFIG_CONFLICT'],
    [
      'any version at all',
      inRule('verify: { proof: verified, version: { mdns: v, match: "2" } }'),
      '8:41 rules[0].verify.version CONFIG_BAD_VALUE',
    ],
    [
      'a broken pattern',
      inRule('verify: { proof: verified, version: { mdns: v, match: "({version}" } }'),
      '8:41 rules[0].verify.version CONFIG_BAD_VALUE',
    ],
    [
      'two places of the version',
      inRule('verify: { proof: verified, version: { mdns: v, tcp: 23 } }'),
      '8:41 rules[0].verify.version CONFIG_BAD_VALUE',
    ],
    ['a day that does not exist', inRule('when: { at: 2026-02-30 }'), '8:17 rules[0].when.at CONFIG_BAD_VALUE'],
    ['a day before computers', inRule('when: { at: 0012-02-03 }'), '8:17 rules[0].when.at CONFIG_BAD_VALUE'],
    [
      'a date with a window',
      inRule('when: { at: 2026-02-03, cron: "0 2 * * *" }'),
      '8:11 rules[0].when CONFIG_CONFLICT',
    ],
    ['a date that is missed', inRule('when: { at: 2026-02-03, missed: run }'), '8:11 rules[0].when CONFIG_CONFLICT'],
    ['neither cron nor date', inRule('when: { timezone: UTC }'), '8:11 rules[0].when.cron CONFIG_MISSING_KEY'],
    [
      'a blackout that ends before it begins',
      inRule('when: { at: 2026-02-01, blackouts: [{ from: 2026-02-03, until: 2026-02-02 }] }'),
      '8:41 rules[0].when.blackouts[0] CONFIG_BAD_VALUE',
    ],
    ['a group of one', atTop('limits: { exclusive: [[pump]] }'), '3:23 limits.exclusive[0] CONFIG_BAD_VALUE'],
    ['an unknown guard', inRule('allow: [chip-mismatch, chip]'), '8:28 rules[0].allow[1] CONFIG_BAD_VALUE'],
    ['no services', atTop('discovery: { mdns: { services: [] } }'), '3:32 discovery.mdns.services CONFIG_BAD_VALUE'],
    [
      'a service with its domain',
      atTop('discovery: { mdns: { services: [_arduino._tcp] } }'),
      '3:33 discovery.mdns.services[0] CONFIG_BAD_VALUE',
    ],
    ['a path from the shell', atTop('data: ~/data'), '3:7 data CONFIG_BAD_VALUE'],
    [
      'an unknown device port',
      atTop('devices: [{ name: a, address: ::1, port: 0 }]'),
      '3:42 devices[0].port CONFIG_BAD_VALUE',
    ],
    [
      'a host name as address',
      atTop('devices: [{ name: a, address: a.lan }]'),
      '3:31 devices[0].address CONFIG_BAD_VALUE',
    ],
    ...['0.0.0.0', '224.0.0.251', '255.255.255.255', '"::"', 'ff02::1', '::ffff:239.0.0.1'].map(
      (address): [string, string, string] => [
        `${address} as address`,
        atTop(`devices: [{ name: a, address: ${address} }]`),
        '3:31 devices[0].address CONFIG_BAD_VALUE',
      ],
    ),
    ['an incomplete MAC', atTop('devices: [{ name: a, mac: "5c:cf:7f" }]'), '3:27 devices[0].mac CONFIG_BAD_VALUE'],
    ['a device without identity', atTop('devices: [{ name: a }]'), '3:11 devices[0] CONFIG_MISSING_KEY'],
    [
      'a rung without order',
      inRule('versions: { ladder: [nightly] }'),
      '8:26 rules[0].versions.ladder[0] CONFIG_BAD_VALUE',
    ],
    [
      'a rung that YAML made a number',
      inRule('versions: { ladder: [2.0] }'),
      '8:26 rules[0].versions.ladder[0] CONFIG_WRONG_TYPE',
    ],
    [
      'a ladder that descends',
      inRule('versions: { ladder: ["2.0", "1.0"] }'),
      '8:25 rules[0].versions.ladder CONFIG_BAD_VALUE',
    ],
    [
      'a ladder without proof',
      inRule('versions: { ladder: ["2.0"] }\nverify: { proof: accepted }'),
      '8:15 rules[0].versions CONFIG_CONFLICT',
    ],
    ['boards on ports by espota', inRule('when: attach'), '5:5 rules[0].update CONFIG_CONFLICT'],
    ['a line without boards on ports', inRule('line: {}'), '8:11 rules[0].line CONFIG_CONFLICT'],
    ['a backup over the network', inRule('backup: {}'), '8:13 rules[0].backup CONFIG_CONFLICT'],
    ['a wrong port range', inRule('update: { listen: 9-4 }'), '8:23 rules[0].update.listen CONFIG_BAD_VALUE'],
    [
      'a control character',
      atTop('devices: [{ name: "a\\nb", address: ::1 }]'),
      '3:19 devices[0].name CONFIG_BAD_VALUE',
    ],
  ])('%s', (_case, text, problem) => expect(problemsOf(text)).toEqual([problem]));

  it.each(['10.0.0.0/33', '10.0.0', '::/129', '10.0.0.0/', '10.0.0.0/8/8', 'lan', '10.0.0.0/-1'])(
    'the range %s',
    (range) =>
      expect(problemsOf(configText().replace('name: "sensor-*"', `address: ${range}`))).toEqual([
        '7:25 rules[0].devices.address CONFIG_BAD_VALUE',
      ]),
  );

  it.each(['a[b', 'a]b', '{a', 'a}', '[{]}', 'x\\\\]'])('the glob %s', (glob) =>
    expect(problemsOf(configText().replace('"sensor-*.bin"', `'${glob}'`))).toEqual([
      '6:23 rules[0].firmware.file CONFIG_BAD_VALUE',
    ]),
  );

  it.each(['[ab]?', '{a,b}*', 'fw (1).bin', '\\[x'])('but not the glob %s', (glob) =>
    expect(problemsOf(configText().replace('"sensor-*.bin"', `'${glob}'`))).toEqual([]),
  );

  it('missing keys, at the mapping that lacks them', () =>
    expect(problemsOf('version: 1\ndrop: {}\nrules:\n  - name: a\n')).toEqual([
      '2:7 drop.path CONFIG_MISSING_KEY',
      '4:5 rules[0].firmware CONFIG_MISSING_KEY',
      '4:5 rules[0].devices CONFIG_MISSING_KEY',
    ]));

  it('a selector that would silently match everything', () =>
    expect(problemsOf(configText().replace('{ name: "sensor-*" }', '{}'))).toEqual([
      '7:14 rules[0].devices CONFIG_MISSING_KEY',
    ]));

  it('no rules', () =>
    expect(problemsOf('version: 1\ndrop: { path: d }\nrules: []')).toEqual(['3:8 rules CONFIG_BAD_VALUE']));
});

describe('the meaning', () => {
  const devices = (first: string, second: string) => atTop(`devices:\n  - { ${first} }\n  - { ${second} }`);

  it.each([
    ['device names', devices('name: a, address: ::1', 'name: A, address: ::2'), '5:13 devices[1].name'],
    ['addresses', devices('name: a, address: ::1', 'name: b, address: ::1'), '5:25 devices[1].address'],
    ['MACs', devices('name: a, mac: "5c:cf:7f:01:02:03"', 'name: b, mac: 5C-CF-7F-01-02-03'), '5:21 devices[1].mac'],
    ['ports', devices('name: a, serial: /dev/ttyS0', 'name: b, serial: /dev/ttyS0'), '5:24 devices[1].serial'],
    ['instances', devices('name: a, instance: x', 'name: b, instance: X'), '5:26 devices[1].instance'],
    [
      'rule names',
      `${configText()}\n  - { name: Sensors, firmware: { file: b }, devices: { name: b } }`,
      '10:13 rules[1].name',
    ],
  ])('two equal %s', (_case, text, place) => expect(problemsOf(text)).toEqual([`${place} CONFIG_DUPLICATE`]));

  it('one address with two ports is two devices', () =>
    expect(problemsOf(devices('name: a, address: ::1, port: 1', 'name: b, address: ::1, port: 2'))).toEqual([]));

  it('a device on a port and on the network', () =>
    expect(problemsOf(atTop('devices: [{ name: a, serial: COM3, address: ::1 }]'))).toEqual([
      '3:11 devices[0] CONFIG_CONFLICT',
    ]));

  it.each(['ttyUSB0', 'rfc2217://host', 'COM', 'usb:'])('the port %s', (port) =>
    expect(problemsOf(atTop(`devices: [{ name: a, serial: '${port}' }]`))).toEqual([
      '3:30 devices[0].serial CONFIG_BAD_VALUE',
    ]),
  );

  it('finds duplicates beside a wrong shape', () =>
    expect(problemsOf(devices('name: a, address: ::1', 'name: a, adress: ::2'))).toEqual([
      '5:13 devices[1].name CONFIG_DUPLICATE',
      '5:16 devices[1].adress CONFIG_UNKNOWN_KEY',
    ]));

  it.each([
    ['the data folder', 'data: ./drop/data', '3:7 data'],
    ['the same folder', 'data: drop/', '3:7 data'],
    ['the log file', 'log: { file: { path: drop/x.log } }', '3:22 log.file.path'],
  ])('%s in the drop folder', (_case, top, place) =>
    expect(problemsOf(atTop(top))).toEqual([`${place} CONFIG_CONFLICT`]),
  );

  it('the config itself in the drop folder', () =>
    expect(problemsOf(configText().replace('./drop', '.'))).toEqual([
      '1:1 data CONFIG_CONFLICT',
      '2:15 drop.path CONFIG_CONFLICT',
    ]));

  it.each(['./drop2', './drop..', '..data', '/etc'])('but not the data folder %s', (data) =>
    expect(problemsOf(atTop(`data: ${data}`))).toEqual([]),
  );

  it('another version, and nothing else', () =>
    expect(problemsOf(atTop('nonsense: 1').replace('version: 1', 'version: 2'))).toEqual([
      '1:10 version CONFIG_WRONG_VERSION',
    ]));
});

describe('sentences', () => {
  it.each([
    [inRule('protocl: espota'), 'unknown key; did you mean "protocol"? It belongs in rules[].update'],
    [inRule('update: { retrys: 1 }'), 'unknown key; did you mean "retries"?'],
    [
      inRule('update: { <<: { retries: 1 } }'),
      'unknown key; mappings are not merged here, an alias stands for all of one',
    ],
    [inRule('per-subnet: 3'), 'unknown key; did you mean "per-subnet"? It belongs in limits'],
    [inRule('update: { retries: three }'), 'expected a whole number from 0 to 20, found "three"'],
    [inRule('update: { blocks: 9 }'), 'expected a whole number from 1 to 8 blocks, found 9'],
    [
      inRule('update: { protocol: espta }'),
      'expected a protocol (espota, carrier-pigeon), found "espta"; did you mean espota?',
    ],
    [configText().replace('name: sensors', 'name: 2.10'), 'expected a name, found 2.1; put it in quotes'],
    [
      atTop('devices: [{ name: a, address: ::1, chip: esp8267 }]'),
      'expected a chip, found "esp8267"; did you mean esp8266?',
    ],
    [inRule('expires: soon'), 'expected never or a duration such as 30d, found "soon"'],
    [inRule('expires: 1s'), 'expected a duration with its unit, from 1m to 3650d, found "1s"'],
    [atTop('discovery: { mdns: true }'), 'expected false or a mapping with services and interface, found true'],
  ])('%#', (text, message) => expect(messagesOf(text)).toEqual([message]));
});

describe('all problems at once', () => {
  it('in the order of the file, as lines for people', () => {
    const text = inRule('retries: 1\nupdate: { password: { env: NOPE } }').replace('./drop }', './drop, setle: 1s }');
    const { problems, config } = parseConfig(text, 'config.yaml', ENVIRONMENT);
    expect(config).toBeNull();
    expect(formatProblems(problems)).toEqual([
      'config.yaml:2:23  drop.setle        CONFIG_UNKNOWN_KEY  unknown key; did you mean "settle"?',
      'config.yaml:8:5   rules[0].retries  CONFIG_UNKNOWN_KEY  unknown key; did you mean "retries"? It belongs in rules[].update',
    ]);
  });

  it('secrets of sound rules are looked for beside a wrong shape elsewhere', () =>
    expect(problemsOf(`${inRule('update: { password: { env: NOPE } }')}\nnonsense: 1`)).toEqual([
      '8:25 rules[0].update.password CONFIG_SECRET_MISSING',
      '10:1 nonsense CONFIG_UNKNOWN_KEY',
    ]));
});

describe('YAML', () => {
  it.each([
    ['an empty file', '', '1:1  CONFIG_WRONG_TYPE'],
    ['comments only', '# nothing\n', '1:1  CONFIG_WRONG_TYPE'],
    ['a list', '- a', '1:1  CONFIG_WRONG_TYPE'],
    ['a tab', 'version: 1\ndrop:\n\tpath: x', '3:1  CONFIG_SYNTAX'],
    ['two documents', `${configText()}---\n${configText()}`, '9:1  CONFIG_SYNTAX'],
    ['an unknown tag', 'version: !v 1', '1:10  CONFIG_SYNTAX'],
    ['an alias without anchor', 'version: 1\ndrop: *d', '2:7  CONFIG_SYNTAX'],
    ['an open quote', 'version: "1', '1:12  CONFIG_SYNTAX'],
    ['a directive', '%NOPE\n---\nversion: 1', '1:1  CONFIG_SYNTAX'],
  ])('%s', (_case, text, problem) => expect(problemsOf(text)[0]).toBe(problem));

  it('says that a key is there twice, and still checks the rest', () =>
    expect(problemsOf(`${configText()}\nversion: 1\nnonsense: 1`)).toEqual([
      '10:1  CONFIG_DUPLICATE',
      '11:1 nonsense CONFIG_UNKNOWN_KEY',
    ]));

  it('refuses an alias bomb at once', () => {
    const levels = Array.from(
      { length: 20 },
      (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level},`.repeat(9)}]`,
    );
    expect(messagesOf(`a0: &a0 [x]\n${levels.join('\n')}`)).toEqual([
      'the aliases (*) of this file stand for more than 1000 values',
    ]);
  });

  it('gives up on deep nesting', () =>
    expect(messagesOf('['.repeat(10_000))).toEqual(['this YAML is nested too deeply']));

  it('survives a list that holds itself', () => expect(problemsOf('rules: &r [*r]')).not.toEqual([]));

  it.each(['*hunter2', '!hunter2 x', '"hunter2', '%hunter2', '@hunter2', '{hunter2}', '[hunter2]', '"\\hunter2"'])(
    'never repeats the password %s',
    (password) => {
      const { problems } = parseConfig(inRule(`update: { password: ${password} }`), FILE, ENVIRONMENT);
      expect(problems).not.toEqual([]);
      expect(JSON.stringify(problems)).not.toContain('hunter2');
    },
  );
});
