import { readFileSync } from 'node:fs';
import { array, assert, constantFrom, nat, oneof, property, record, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { parseYaml } from '../../../src/config/yaml-source.ts';
import { PROTOCOLS } from '../../../src/protocols/registry.ts';
import { ENVIRONMENT, FILE } from './environment.ts';

const EXAMPLE = readFileSync(new URL('../../../config.example.yaml', import.meta.url), 'utf8');
const environment = { ...ENVIRONMENT, protocols: [...PROTOCOLS.values()] };

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

const edits = array(
  record({
    at: nat(EXAMPLE.length),
    remove: nat(12),
    insert: oneof(constantFrom(...SCRAPS, ...VALUES), string({ maxLength: 8, unit: 'binary' })),
  }),
  { minLength: 1, maxLength: 4 },
);

describe('any text', () => {
  it('is a config or has problems at real places', () => {
    assert(property(string({ unit: 'binary', maxLength: 200 }), expectSound), { numRuns: 100 });
  });

  it('made of YAML marks never throws', () => {
    const marks = array(constantFrom(...SCRAPS, ...VALUES, 'a', '  ', '<<'), { maxLength: 40 });
    assert(
      property(marks, (parts) => {
        parseYaml(parts.join(''));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the example, damaged', () => {
  it('anywhere', () => {
    const damaged = edits.map((list) =>
      list.reduce((text, { at, remove, insert }) => text.slice(0, at) + insert + text.slice(at + remove), EXAMPLE),
    );
    assert(property(damaged, expectSound), { numRuns: 40 });
  });

  it('in one value', () => {
    const lines = EXAMPLE.split('\n');
    const settings = [...lines.keys()].filter((index) => /^ *(?:- )?[\w-]+:/.test(lines[index] ?? ''));
    const damaged = record({ index: constantFrom(...settings), value: constantFrom(...VALUES) }).map(
      ({ index, value }) => lines.with(index, (lines[index] ?? '').replace(/:.*$/, `: ${value}`)).join('\n'),
    );
    assert(property(damaged, expectSound), { numRuns: 60 });
  });
});
