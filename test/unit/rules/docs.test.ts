import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { REFUSAL_CODES } from '../../../src/model/plan.ts';

it('docs/rules.md has a section for each refusal code, and none for another', () => {
  const text = readFileSync(new URL('../../../docs/rules.md', import.meta.url), 'utf8');
  const sections = [...text.matchAll(/^## (RULE_\w+)$/gm)].map((match) => match[1]);
  expect(sections).toEqual([...REFUSAL_CODES]);
});
