import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cronProblem } from '../../../src/jobs/schedule.ts';
import { RULE_PROTOCOLS } from '../../../src/protocols/registry.ts';
import { ENVIRONMENT, problemsOf } from './environment.ts';

const README = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
const REAL = { ...ENVIRONMENT, protocols: RULE_PROTOCOLS, cronProblem, secrets: 'optional' } as const;
const BEGINNING = 'version: 1\ndrop: { path: ./drop }\n';

describe('the configs that README.md shows', () => {
  const examples = [...README.matchAll(/```yaml\nversion: 1\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  const recipes = [...README.matchAll(/^\| ([^|]+) \| (.*`(?:rules|servers|devices): .*) \|$/gm)];

  it('are found', () => {
    expect(examples.length).toBeGreaterThan(0);
    expect(recipes.length).toBeGreaterThan(3);
  });

  it.each(examples)('have no problem: %#', (example) => {
    expect(problemsOf(BEGINNING + example, REAL)).toEqual([]);
  });

  it.each(recipes.map(([, system = '', cell = '']) => ({ system, cell })))('work for $system', ({ cell }) => {
    const lines = [...cell.matchAll(/`((?:rules|servers|devices): .*?)`(?=<br>| |$)/g)].map((match) => match[1]);
    const config = BEGINNING + lines.join('\n').replaceAll('ADDRESS', '192.0.2.7');
    expect(problemsOf(config, REAL)).toEqual([]);
  });
});
