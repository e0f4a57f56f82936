import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { parseConfig } from '../../../src/config/load.ts';
import { formatProblems } from '../../../src/config/problem.ts';
import { RULE_PROTOCOLS } from '../../../src/protocols/registry.ts';
import { ENVIRONMENT } from './environment.ts';
import { allKeys, referenceRow, schemaFileText } from './reference.ts';

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

const EXAMPLE = readFileSync(at('config.example.yaml'), 'utf8');

/** The example with every setting switched on that has a # at the beginning of its line. */
const EVERYTHING = EXAMPLE.replaceAll(/^#(?=(?: {2,}(?:- )?)?[\w-]+:)/gm, '');

function load(text: string, variables: Readonly<Record<string, string>>) {
  const environment = { ...ENVIRONMENT, protocols: RULE_PROTOCOLS, variables };
  const { config, problems, warnings } = parseConfig(text, at('config.example.yaml'), environment);
  return { config, findings: formatProblems([...problems, ...warnings]) };
}

/** Every path that a value has, with `[]` for an index, and what stands there first. */
function pathsOf(value: unknown, path = '', found = new Map<string, unknown>()): Map<string, unknown> {
  if (!found.has(path)) found.set(path, value);
  if (Array.isArray(value)) for (const item of value) pathsOf(item, `${path}[]`, found);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, child] of Object.entries(value)) pathsOf(child, path === '' ? key : `${path}.${key}`, found);
  }
  return found;
}

describe('config.schema.json', () => {
  it('is what the schema says (npm run schema writes it anew)', async () => {
    await expect(schemaFileText()).toMatchFileSnapshot(at('config.schema.json'));
  });
});

describe('config.example.yaml', () => {
  it('loads on any machine, without a problem or a warning', () => expect(load(EXAMPLE, {}).findings).toEqual([]));

  it('is for no device of a stranger', () => {
    const names = load(EXAMPLE, {}).config?.rules.map(({ devices }) => devices.name ?? '');
    expect(names?.every((name) => name.startsWith('example-'))).toBe(true);
  });

  it('loads with every setting switched on', () => {
    const text = EVERYTHING.replaceAll(/\{ file: [\w-]+-password \}/g, '{ env: SENSOR_OTA_PASSWORD }');
    expect(load(text, { SENSOR_OTA_PASSWORD: 'x', METER_FTP_PASSWORD: 'x', MESHLIUM_PASSWORD: 'x' }).findings).toEqual(
      [],
    );
  });

  it('has every key', () => {
    const shown = pathsOf(parseDocument(EVERYTHING).toJS());
    const missing = allKeys().filter(({ path }) => !shown.has(path));
    expect(missing.map(({ path }) => path)).toEqual([]);
  });

  it('shows the defaults', () => {
    const shown = pathsOf(parseDocument(EVERYTHING).toJS());
    const isValue = (preset: unknown) => typeof preset !== 'object' || (Array.isArray(preset) && preset.length > 0);
    const keys = allKeys().filter((key) => key.default !== undefined && isValue(key.default));
    expect(keys.length).toBeGreaterThan(20);
    for (const key of keys) expect([key.path, shown.get(key.path)]).toEqual([key.path, key.default]);
  });
});

describe('docs/config.md', () => {
  it('has the row of every key', () => {
    const page = readFileSync(at('docs/config.md'), 'utf8').split('\n');
    const rows = allKeys().map(referenceRow);
    expect(rows.filter((row) => !page.includes(row))).toEqual([]);
  });

  it('has no row of a key that is gone', () => {
    const paths = new Set(allKeys().map(({ path }) => path));
    const rows = readFileSync(at('docs/config.md'), 'utf8').matchAll(/^\| `([^`]+)` \|/gm);
    expect([...rows].map((row) => row[1]).filter((path) => path !== undefined && !paths.has(path))).toEqual([]);
  });
});
