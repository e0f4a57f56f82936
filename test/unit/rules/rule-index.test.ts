import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptsDevice, compileDeviceSelector } from '../../../src/rules/device-selector.ts';
import { RuleIndex } from '../../../src/rules/rule-index.ts';
import { Subject } from '../../../src/rules/subject.ts';
import { givenDevice, givenRule } from './given.ts';

const anyWord = fc.stringMatching(/^[ab]{0,3}$/);
const anySelector = fc
  .record({
    name: fc.option(
      fc.tuple(anyWord, fc.constantFrom('*', '?', '[ab]', '{a,bb}', '', '\\b')).map((parts) => parts.join('')),
      { nil: null },
    ),
    tags: fc.option(fc.array(anyWord, { maxLength: 2 }), { nil: null }),
  })
  .filter(({ name }) => name !== '')
  .map((devices) => givenRule({ devices }).devices);

describe('the rule index', () => {
  it('never hides a rule that accepts the device, and keeps the order', () => {
    fc.assert(
      fc.property(
        fc.array(anySelector, { maxLength: 12 }),
        anyWord.map((name) => name.toUpperCase()),
        fc.array(anyWord, { maxLength: 2 }),
        (selectors, name, tags) => {
          const subject = new Subject(givenDevice({ name, tags }), () => null);
          const candidates = new RuleIndex(selectors).candidates(subject);
          const accepting = [...selectors.keys()].filter((place) => {
            const selector = selectors[place];
            return selector !== undefined && acceptsDevice(compileDeviceSelector(selector), subject);
          });
          expect([...candidates].sort((left, right) => left - right)).toEqual(candidates);
          expect(candidates).toEqual(expect.arrayContaining(accepting));
        },
      ),
    );
  });

  it('spares the rules that are for other names and tags', () => {
    const selectors = [{ name: 'plug-*' }, { tags: ['attic'] }, { port: 8266 }, { name: 'sensor-*' }];
    const index = new RuleIndex(selectors.map((devices) => givenRule({ devices }).devices));
    expect(index.candidates(new Subject(givenDevice(), () => null))).toEqual([2, 3]);
  });

  it('names a rule once for a device that has a tag twice', () => {
    const index = new RuleIndex([givenRule({ devices: { tags: ['attic'] } }).devices]);
    expect(index.candidates(new Subject(givenDevice({ tags: ['attic', 'attic'] }), () => null))).toEqual([0]);
  });
});
