import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { parseYaml } from '../../../src/config/yaml-source.ts';
import { RULE_PROTOCOLS } from '../../../src/protocols/registry.ts';
import { runs } from '../../runs.ts';
import { ENVIRONMENT, FILE } from './environment.ts';

const EXAMPLE = readFileSync(new URL('../../../config.example.yaml', import.meta.url), 'utf8');
const environment = { ...ENVIRONMENT, protocols: RULE_PROTOCOLS };

/** Either a config or problems, each at a place that the text has. */
function expectSound(text: string): void {
  const { config, problems, warnings } = parseConfig(text, FILE, environment);
  expect(config === null).toBe(problems.length > 0);
  const lines = text.split('\n');
  for (const { line, column, message } of [...problems, ...warnings]) {
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
    expect(message).not.toBe('');
  }
}

const SCRAPS = [
  '{',
  '}',
  '[',
  ']',
  ': ',
  '- ',
  '\n',
  '\t',
  '"',
  "'",
  '&a ',
  '*a',
  '!t ',
  '#',
  '|',
  '>',
  '---\n',
  'null',
];
const VALUES = ['3', '-1', '1.5', 'true', 'null', '[]', '{}', '[a]', '{ a: 1 }', '"\\u0000"', '.nan', '1e400', 'x'];

const edits = fc.array(
  fc.record({
    at: fc.nat(EXAMPLE.length),
    remove: fc.nat(12),
    insert: fc.oneof(fc.constantFrom(...SCRAPS, ...VALUES), fc.string({ maxLength: 8, unit: 'binary' })),
  }),
  { minLength: 1, maxLength: 4 },
);

describe('any text', () => {
  it('is a config or has problems at real places', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), expectSound), runs(100));
  });

  it('made of YAML marks never throws', () => {
    const marks = fc.array(fc.constantFrom(...SCRAPS, ...VALUES, 'a', '  ', '<<'), { maxLength: 40 });
    fc.assert(
      fc.property(marks, (parts) => {
        parseYaml(parts.join(''));
      }),
      runs(2000),
    );
  });
});

describe('the example, damaged', () => {
  it('anywhere', () => {
    const damaged = edits.map((list) =>
      list.reduce((text, { at, remove, insert }) => text.slice(0, at) + insert + text.slice(at + remove), EXAMPLE),
    );
    fc.assert(fc.property(damaged, expectSound), runs(40));
  });

  it('in one value', () => {
    const lines = EXAMPLE.split('\n');
    const settings = [...lines.keys()].filter((index) => /^ *(?:- )?[\w-]+:/.test(lines[index] ?? ''));
    const damaged = fc
      .record({ index: fc.constantFrom(...settings), value: fc.constantFrom(...VALUES) })
      .map(({ index, value }) => lines.with(index, (lines[index] ?? '').replace(/:.*$/, `: ${value}`)).join('\n'));
    fc.assert(fc.property(damaged, expectSound), runs(60));
  });
});
