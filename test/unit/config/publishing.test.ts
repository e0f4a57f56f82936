import { describe, expect, it } from 'vitest';
import { effectiveConfigText } from '../../../src/config/effective.ts';
import { RULE_PROTOCOLS } from '../../../src/protocols/registry.ts';
import { configOf, ENVIRONMENT, messagesOf, problemsOf } from './environment.ts';

const REAL = { ...ENVIRONMENT, protocols: RULE_PROTOCOLS };
const SERVERS = 'servers: { ftp: { users: [{ name: ota, password: { env: OTA_PASSWORD } }] } }';

/** A config with rules that publish; each is the inside of a flow mapping. */
const text = (rules: readonly string[], servers = SERVERS) => `version: 1
drop: { path: ./drop }
${servers}
rules:
${rules.map((rule, nth) => `  - { name: rule-${nth}, firmware: { file: "TEST00${nth}" }, ${rule} }\n`).join('')}`;

const WASPMOTE = 'update: { protocol: waspmote-ftp }';

describe('a rule that publishes', () => {
  it('needs no more than its protocol, and waits for visits with the proof accepted', () => {
    const { rules, servers } = configOf(text([WASPMOTE]), REAL);
    expect(rules[0]).toMatchObject({ when: { kind: 'visit' }, verify: { proof: 'accepted' }, devices: { name: null } });
    expect(servers.ftp).toMatchObject({
      address: '0.0.0.0',
      port: 21,
      connections: 500,
      idleMs: 900_000,
      passivePorts: null,
    });
  });

  it('is the same when its effective config is loaded again', () => {
    const config = configOf(text([`${WASPMOTE}, verify: { proof: sent }`]), REAL);
    const again = configOf(effectiveConfigText(config, RULE_PROTOCOLS), REAL);
    expect(JSON.stringify(again)).toBe(JSON.stringify(config));
  });

  it.each([
    ['devices: { name: "*" }', 'devices'],
    ['when: attach', 'when'],
    ['when: { cron: "0 2 * * *", for: 1h }', 'when'],
    ['verify: { proof: returned }', 'verify'],
    ['rollout: { canary: 1 }', 'rollout'],
    ['undo: on-failure', 'undo'],
  ])('has no %s', (setting, key) =>
    expect(problemsOf(text([`${WASPMOTE}, ${setting}`]), REAL).join()).toMatch(
      new RegExp(`rules\\[0\\]\\.${key} CONFIG_CONFLICT`),
    ),
  );

  it('has a place of its own, on a server that there is', () => {
    const [same] = messagesOf(text([WASPMOTE, WASPMOTE]), REAL);
    expect(same).toBe('rule "rule-0" publishes at waspmote-ftp user ota already, where there is room for one');
    expect(messagesOf(text([WASPMOTE], ''), REAL)[0]).toContain('there is no FTP server');
    expect(messagesOf(text(['update: { protocol: waspmote-ftp, user: meters }']), REAL)[0]).toContain(
      'no user "meters"',
    );
    expect(messagesOf(text(['update: { protocol: waspmote-ftp, server: "http://x" }']), REAL)[0]).toContain(
      'ftp://host',
    );
  });

  it('never hides a rule that sends', () =>
    expect(
      problemsOf(
        text([WASPMOTE, 'devices: { name: "*" }, update: { protocol: espota }']).replaceAll(/TEST00\d/g, '*'),
        REAL,
      ),
    ).toEqual([]));
});

describe('a rule that sends', () => {
  it('cannot wait for visits', () =>
    expect(problemsOf(text(['devices: { name: "*" }, when: visit']), REAL).join()).toContain(
      'rules[0].when CONFIG_CONFLICT',
    ));
});

describe('passwords of server users', () => {
  it('are needed, and never shown', () => {
    const missing = SERVERS.replace('OTA_PASSWORD', 'NOT_SET');
    expect(problemsOf(text([WASPMOTE], missing), REAL)).toEqual([
      '3:50 servers.ftp.users[0].password CONFIG_SECRET_MISSING',
    ]);
    const plain = configOf(text([WASPMOTE], SERVERS.replace('{ env: OTA_PASSWORD }', 'hunter2')), REAL);
    expect(JSON.stringify(plain)).not.toContain('hunter2');
    expect(effectiveConfigText(plain, RULE_PROTOCOLS)).not.toContain('hunter2');
  });
});
