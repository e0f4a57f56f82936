import { describe, expect, it } from 'vitest';
import { describePlan } from '../../../src/rules/describe.ts';
import { compileRules, plan } from '../../../src/rules/plan.ts';
import { givenContext, givenDevice, givenImage, givenRule } from './given.ts';

describe('a plan in words', () => {
  it('is a table with overrides, shadowed rules and totals', () => {
    const rules = compileRules([
      givenRule({ name: 'attic', devices: { tags: ['attic'] }, allow: ['chip-mismatch'] }),
      givenRule({ name: 'sensors', devices: { name: 'sensor-*' } }),
    ]);
    const devices = [
      givenDevice({ name: 'sensor-1', tags: ['attic'] }),
      givenDevice({ name: 'sensor-22', presence: 'away' }),
      givenDevice({ name: 'lamp', tags: ['attic'], board: 'esp32' }),
      givenDevice({ name: 'sensor-3', board: 'esp32' }),
      givenDevice({ name: 'plug' }),
    ];
    expect(describePlan(plan(rules, givenImage(), devices, givenContext()))).toEqual([
      'sensor-1.2.3.bin (app for esp8266, 400,000 bytes): rules: attic, sensors',
      '  sensor-1   attic    flash  10.0.7.31',
      '      also matched, and does not decide: sensors',
      '  sensor-22  sensors  flash  when it is back',
      '  lamp       attic    flash  10.0.7.31',
      '      overridden by the rule: RULE_WRONG_CHIP: the image is for an esp8266, but its board "esp32" has an esp32',
      '  sensor-3   sensors  leave  RULE_WRONG_CHIP: the image is for an esp8266, but its board "esp32" has an esp32',
      '  plug       -        leave  RULE_NO_MATCH: rule attic: it has no tag "attic"; rule sensors: name "plug" does not match "sensor-*"',
      '5 devices: 3 to flash, 2 left alone (1 RULE_NO_MATCH, 1 RULE_WRONG_CHIP)',
    ]);
  });

  it('says so where there is nothing', () => {
    expect(describePlan(plan([], givenImage({ chip: null, kind: 'data' }), [], givenContext()))).toEqual([
      'sensor-1.2.3.bin (data, 400,000 bytes): no rule accepts it',
      '0 devices: 0 to flash, 0 left alone',
    ]);
  });

  it('lets no name drive the terminal', () => {
    const devices = [givenDevice({ name: 'a\u001b[2Jb\u202ec' })];
    const lines = describePlan(plan(compileRules([givenRule()]), givenImage(), devices, givenContext()));
    expect(lines[1]).toBe('  a\\u{1b}[2Jb\\u{202e}c  sensors  flash  10.0.7.31');
  });
});
