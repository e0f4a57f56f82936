import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Device } from '../../../src/model/device.ts';
import type { Decision } from '../../../src/model/plan.ts';
import { GUARD_OVERRIDES, type Rule } from '../../../src/model/rule.ts';
import { compileRules, decide, matchingRules, plan } from '../../../src/rules/plan.ts';
import { givenContext, givenDevice, givenImage, givenRule } from './given.ts';

const CONTEXT = givenContext();
const IMAGE = givenImage();

function planOf(rules: readonly Rule[], devices: readonly Device[] = [givenDevice()]) {
  return plan(compileRules(rules), IMAGE, devices, CONTEXT);
}

describe('a plan', () => {
  it('has a decision for each device, in their order', () => {
    const devices = [givenDevice({ name: 'sensor-1' }), givenDevice({ name: 'plug-1' })];
    const made = planOf([givenRule({ name: 'sensors', devices: { name: 'sensor-*' } })], devices);
    expect(made.rules).toEqual(['sensors']);
    expect(made.decisions).toMatchObject([
      { kind: 'flash', device: devices[0], rule: 'sensors', overridden: [], shadowed: [] },
      { kind: 'refuse', device: devices[1], rule: null, refusal: { code: 'RULE_NO_MATCH' } },
    ]);
  });

  it('lets the first matching rule in file order decide and names those it shadows', () => {
    const rules = [
      givenRule({ name: 'plugs', devices: { name: 'plug-*' } }),
      givenRule({ name: 'sensors', devices: { name: 'sensor-*' } }),
      givenRule({ name: 'other chip', firmware: { chip: 'esp32' } }),
      givenRule({ name: 'all' }),
      givenRule({ name: 'd1', devices: { board: 'd1_*' } }),
    ];
    expect(planOf(rules).decisions).toMatchObject([{ kind: 'flash', rule: 'sensors', shadowed: ['all', 'd1'] }]);
  });

  it('does not go on to the next rule where a guard of the deciding one refuses', () => {
    const rules = [givenRule({ name: 'strict' }), givenRule({ name: 'lax', allow: ['chip-mismatch'] })];
    expect(planOf(rules, [givenDevice({ board: 'esp32' })]).decisions).toMatchObject([
      { kind: 'refuse', rule: 'strict', refusal: { code: 'RULE_WRONG_CHIP' }, shadowed: ['lax'] },
    ]);
  });

  it('has no rules where none accepts the image, and the reasons are to be had', () => {
    const rules = [
      givenRule({ name: 'plugs', firmware: { file: 'plug-*.bin' } }),
      givenRule({ name: 'big ones', firmware: { chip: 'esp32' } }),
    ];
    expect(planOf(rules).rules).toEqual([]);
    expect(planOf(rules).decisions).toMatchObject([{ refusal: { reason: 'no rule accepts this image' } }]);
    expect(matchingRules(compileRules(rules), IMAGE)).toEqual({
      matching: [],
      misses: [
        { rule: 'plugs', reason: 'file name "sensor-1.2.3.bin" does not match "plug-*.bin"' },
        { rule: 'big ones', reason: 'image chip esp8266 is not esp32' },
      ],
    });
  });

  it('tells the nearest misses first, and not endlessly many', () => {
    const rules = [
      givenRule({ name: 'far', devices: { name: 'plug-*', port: 3232 } }),
      ...Array.from({ length: 5 }, (_, index) => givenRule({ name: `near ${index}`, devices: { port: 3232 } })),
    ];
    const [decision] = planOf(rules).decisions;
    expect(reasonOf(decision)).toBe(
      `${Array.from({ length: 5 }, (_, index) => `rule near ${index}: port 8266 is not 3232`).join('; ')}; and 1 more`,
    );
  });

  it('survives being written as JSON, reasons and all', () => {
    const made = planOf([givenRule({ devices: { name: 'plug-*' } })]);
    expect(JSON.parse(JSON.stringify(made.decisions[0]))).toMatchObject({
      refusal: { code: 'RULE_NO_MATCH', reason: 'rule sensors: name "sensor-1" does not match "plug-*"' },
    });
  });

  it('asks the context about each device at most once', () => {
    const asked: string[] = [];
    const context = givenContext({
      knownChip: (device) => {
        asked.push(device.name);
        return null;
      },
    });
    const rules = compileRules([
      givenRule({ devices: { chip: 'esp32' } }),
      givenRule({ devices: { chip: 'esp8266' } }),
    ]);
    plan(rules, IMAGE, [givenDevice({ name: 'a' }), givenDevice({ name: 'b' })], context);
    expect(asked).toEqual(['a', 'b']);
  });
});

function reasonOf(decision: Decision | undefined): string | null {
  return decision?.kind === 'refuse' ? decision.refusal.reason : null;
}

function ruleOf(decision: Decision): string | null {
  return decision.rule;
}

const word = fc.constantFrom('sensor-*', 'plug-*', '*', 'sensor-1', '*-2', '[ps]*-{1,2}');

const anyRule = fc
  .record({
    file: fc.option(word, { nil: null }),
    firmwareChip: fc.constantFrom(null, 'esp8266', 'esp32'),
    name: fc.option(word, { nil: null }),
    port: fc.constantFrom(null, null, 8266, 3232),
    address: fc.constantFrom(null, null, ['10.0.7.0/24'], ['10.0.8.0/24', 'fd00::/8']),
    tags: fc.constantFrom(null, null, ['attic']),
    allow: fc.subarray([...GUARD_OVERRIDES]),
  })
  .map(({ file, firmwareChip, allow, ...devices }) =>
    givenRule({ allow, firmware: { file, chip: firmwareChip }, devices }),
  );

const anyRules = fc
  .array(anyRule, { maxLength: 6 })
  .map((rules) => rules.map((rule, index) => ({ ...rule, name: `rule ${index}` })));

const anyDevice = fc
  .record({
    name: fc.constantFrom('sensor-1', 'sensor-2', 'plug-1', 'Kitchen\n'),
    address: fc.constantFrom('10.0.7.31', '10.0.8.1', 'fd00::1', null),
    port: fc.constantFrom(8266, 3232, null),
    board: fc.constantFrom('d1_mini', 'esp32', 'unheard-of', null),
    chip: fc.constantFrom(null, null, 'esp8266' as const),
    tags: fc.constantFrom([], ['attic']),
    protocol: fc.constantFrom(null, null, 'espota', 'esptool'),
  })
  .map(givenDevice);

const anyDevices = fc.array(anyDevice, { maxLength: 8 });
const anyImage = fc
  .record({
    kind: fc.constantFrom('app', 'filesystem', 'merged', 'data'),
    chip: fc.constantFrom('esp8266', 'esp32', null),
  })
  .map((dossier) => givenImage(dossier));

describe('whatever the rules, the image and the devices', () => {
  it('each device gets exactly one decision, and each refusal a reason', () => {
    fc.assert(
      fc.property(anyRules, anyImage, anyDevices, (rules, image, devices) => {
        const { decisions } = plan(compileRules(rules), image, devices, CONTEXT);
        expect(decisions.map(({ device }) => device)).toEqual(devices);
        for (const decision of decisions) if (decision.kind === 'refuse') expect(reasonOf(decision)).not.toBe('');
      }),
    );
  });

  it('the first rule that alone would match decides, and the later ones are shadowed', () => {
    fc.assert(
      fc.property(anyRules, anyImage, anyDevice, (rules, image, device) => {
        const decision = decide(compileRules(rules), image, device, CONTEXT);
        const alone = rules
          .filter((rule) => ruleOf(decide(compileRules([rule]), image, device, CONTEXT)) !== null)
          .map(({ name }) => name);
        expect([decision.rule, ...decision.shadowed]).toEqual(alone.length === 0 ? [null] : alone);
      }),
    );
  });

  it('a later rule changes no decision that an earlier one made', () => {
    fc.assert(
      fc.property(anyRules, anyRule, anyImage, anyDevice, (rules, added, image, device) => {
        const before = decide(compileRules(rules), image, device, CONTEXT);
        const after = decide(compileRules([...rules, { ...added, name: 'added' }]), image, device, CONTEXT);
        fc.pre(before.rule !== null);
        expect({ ...after, shadowed: [] }).toEqual({ ...before, shadowed: [] });
      }),
    );
  });

  it('an image that no rule accepts has a reason from each rule', () => {
    fc.assert(
      fc.property(anyRules, anyImage, (rules, image) => {
        const { matching, misses } = matchingRules(compileRules(rules), image);
        expect(matching.length + misses.length).toBe(rules.length);
        for (const { reason } of misses) expect(reason).not.toBe('');
      }),
    );
  });

  it('nothing but applications and filesystems goes out', () => {
    fc.assert(
      fc.property(anyRules, anyImage, anyDevices, (rules, image, devices) => {
        for (const decision of plan(compileRules(rules), image, devices, CONTEXT).decisions)
          if (decision.kind === 'flash') expect(['app', 'filesystem']).toContain(image.dossier.kind);
      }),
    );
  });

  it('an image goes to a device of another chip only where the rule says so', () => {
    fc.assert(
      fc.property(anyRules, anyDevice, (rules, device) => {
        const decision = decide(compileRules(rules), givenImage({ chip: 'esp32' }), device, CONTEXT);
        fc.pre(decision.kind === 'flash');
        if (device.board === 'esp32' && device.chip === null) return;
        expect(decision).toMatchObject({
          overridden: [{ code: expect.stringMatching(/^RULE_(WRONG_CHIP|CHIP_UNKNOWN)$/) }],
        });
      }),
    );
  });
});
