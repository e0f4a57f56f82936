import { describe, expect, it } from 'vitest';
import type { StoredImage } from '../../../src/model/image.ts';
import type { Rule, VersionRules } from '../../../src/model/rule.ts';
import type { PlanContext } from '../../../src/rules/context.ts';
import { describePlan } from '../../../src/rules/describe.ts';
import { compileRules, decide, plan } from '../../../src/rules/plan.ts';
import { versionSaid } from '../../../src/rules/said-version.ts';
import { type PossibleVersions, versionStep } from '../../../src/rules/version-step.ts';
import { type GivenRule, givenContext, givenDevice, givenImage, givenRule } from './given.ts';

const LADDER: VersionRules = { downgrade: 'refuse', ladder: ['2.0.0', '3.0.0'], withinMs: 600_000 };

describe('the version that a device tells', () => {
  const whole = String.raw`(?<![\d.]){version}(?![\w+-]|\.\w)`;
  it.each([
    ['2.4.0', whole, '2.4.0'],
    [' v2.4.0\r\n', whole, 'v2.4.0'],
    ['abc 2.4.0-rc.1.', whole, '2.4.0-rc.1'],
    ['{"status":200,"fw":"2.4.0"}', whole, '2.4.0'],
    ['fw 2.4.0 lib 1.1.0', whole, null],
    ['fw 2.4.0 lib 1.1.0', '^fw {version} ', '2.4.0'],
    ['fw 2.4.0/2.4.0', 'fw {version}/{version}', '2.4.0'],
    ['nothing here', whole, null],
  ])('in %j by %j: %s', (text, match, expected) => expect(versionSaid(text, match)).toBe(expected));
});

describe('the next step of a device', () => {
  const step = (possible: PossibleVersions, version: string | null, rules: Partial<VersionRules> = {}) =>
    versionStep(possible, version, { ...LADDER, ...rules });

  it.each<[PossibleVersions, string | null, string]>([
    [['1.4.0'], '4.0.0', 'rung 2.0.0'],
    [['2.0.0'], '4.0.0', 'rung 3.0.0'],
    [['2.9.9'], '4.0.0', 'rung 3.0.0'],
    [['3.0.0'], '4.0.0', 'go'],
    [['1.4.0'], '3.0.0', 'rung 2.0.0'],
    [['1.4.0'], '2.0.0', 'go'],
    [['1.4.0'], '1.5.0', 'go'],
    // A pre-release of a rung is not the rung.
    [['2.0.0-rc.1'], '2.5.0', 'rung 2.0.0'],
    [['4.1.0'], '4.0.0', 'downgrade'],
    [['3.1.0', '4.1.0'], '4.0.0', 'downgrade'],
    [['1.4.0', '2.0.0'], '3.0.0', 'unknown'],
    [['2.0.0', '2.1.0'], '3.0.0', 'go'],
    [[], '4.0.0', 'unknown'],
    [[], '1.9.0', 'go'],
    [[null], '4.0.0', 'unknown'],
    [['nightly'], '4.0.0', 'unknown'],
    [['1.4.0'], null, 'unknown'],
    [['1.4.0'], 'nightly', 'unknown'],
  ])('from %j to %s: %s', (possible, version, expected) => {
    const next = step(possible, version);
    expect(next.kind === 'rung' ? `rung ${next.rung}` : next.kind).toBe(expected);
  });

  it.each<[PossibleVersions, string | null]>([
    [[], '1.0.0'],
    [['nightly'], '1.0.0'],
    [['1.0.0'], 'abcdef1'],
    [['2.0.0'], null],
    [['1.0.0'], '1.0.0'],
  ])('without a ladder is free from %j to %s: no order, no downgrade', (possible, version) => {
    expect(step(possible, version, { ladder: [] })).toEqual({ kind: 'go' });
  });

  it('may go back where the rule says so', () => {
    expect(step(['4.1.0'], '4.0.0', { downgrade: 'allow' })).toEqual({ kind: 'go' });
  });
});

describe('the version rules of a rule', () => {
  const image = (version: string, over: Partial<StoredImage> = {}) =>
    givenImage({}, { name: `sensor-${version}.bin`, sha256: version.padEnd(64, '0'), ...over });
  const decided = (target: StoredImage, known: Partial<PlanContext>, over: GivenRule = {}) => {
    const rules = compileRules([givenRule({ versions: LADDER, firmware: { file: 'sensor-*' }, ...over })]);
    return decide(rules, target, givenDevice({ txt: { fw: 'fw 1.4.0' } }), givenContext(known));
  };
  const on = (...versions: string[]) => ({ possibleVersions: () => versions });

  it('send the rung first, if it was dropped and the rule takes it', () => {
    const stored = [image('2.0.0', { name: 'other-2.0.0.bin' }), image('3.0.0'), image('2.0.0')];
    const decision = decided(image('4.0.0'), { ...on('1.4.0'), storedImages: () => stored });
    expect(decision).toMatchObject({ kind: 'flash', first: { version: '2.0.0', image: { name: 'sensor-2.0.0.bin' } } });
  });

  it('say which image is missing otherwise', () => {
    const foreign = givenImage({ chip: 'esp32' }, { name: 'sensor-2.0.0.bin' });
    const decision = decided(image('4.0.0'), { ...on('1.4.0'), storedImages: () => [foreign, image('3.0.0')] });
    expect(decision).toMatchObject({
      refusal: {
        code: 'RULE_RUNG_MISSING',
        reason:
          'it runs 1.4.0 and has to run 2.0.0 first; no application for esp8266 of version 2.0.0 was dropped that rule "sensors" takes',
      },
    });
  });

  it('do not send a rung that the other guards refuse', () => {
    const encrypted = givenImage(
      { container: 'gzip', kind: 'app', format: 'esp8266-v1' },
      { name: 'sensor-2.0.0.bin' },
    );
    const decision = decided(image('4.0.0'), { ...on('1.4.0'), storedImages: () => [encrypted] });
    expect(decision).toMatchObject({
      refusal: { code: 'RULE_NOT_OTA', reason: expect.stringContaining('2.0.0 first; that one:') },
    });
  });

  it('refuse a downgrade with both versions', () => {
    const decision = decided(image('4.0.0'), on('4.1.0'));
    expect(decision).toMatchObject({
      refusal: { code: 'RULE_DOWNGRADE', reason: expect.stringContaining('it runs 4.1.0 and this is 4.0.0') },
    });
    expect(
      decided(image('4.0.0'), on('4.1.0'), { versions: { downgrade: 'allow', ladder: [], withinMs: 600_000 } }).kind,
    ).toBe('flash');
  });

  it('let an unknown version pass only where the rule overrides that, and say so', () => {
    expect(decided(image('4.0.0'), on())).toMatchObject({ refusal: { code: 'RULE_VERSION_UNKNOWN' } });
    const overridden = decided(image('4.0.0'), on(), { allow: ['version-unknown'] });
    expect(overridden).toMatchObject({ kind: 'flash', first: null, overridden: [{ code: 'RULE_VERSION_UNKNOWN' }] });
  });

  it('go by the TXT record before all else, where the rule reads it', () => {
    const verify: Rule['verify'] = {
      ...givenRule().verify,
      proof: 'verified',
      version: { by: 'mdns', key: 'fw', match: 'fw {version}$' },
    };
    const decision = decided(image('4.0.0'), { ...on('3.0.0'), storedImages: () => [image('2.0.0')] }, { verify });
    expect(decision).toMatchObject({ kind: 'flash', first: { reason: 'it runs 1.4.0 and has to run 2.0.0 first' } });
  });

  it('ask nothing of a filesystem', () => {
    const filesystem = givenImage({ kind: 'filesystem', chip: null }, { name: 'sensor-1.0.0.bin' });
    expect(decided(filesystem, on('4.0.0')).kind).toBe('flash');
  });

  it('are shown by a plan', () => {
    const rules = compileRules([givenRule({ versions: LADDER })]);
    const context = givenContext({ ...on('1.4.0'), storedImages: () => [image('2.0.0')] });
    const lines = describePlan(plan(rules, image('4.0.0'), [givenDevice({ name: 'attic' })], context));
    expect(lines).toContain('      first 2.0.0 (sensor-2.0.0.bin): it runs 1.4.0 and has to run 2.0.0 first');
  });
});
