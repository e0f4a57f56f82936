import type * as z from 'zod';
import { CATALOGUE, type ErrorCode } from '../errors.ts';
import { didYouMean } from './did-you-mean.ts';
import { type Finding, formatPath, type KeyPath, quote } from './problem.ts';

/**
 * The schema's complaints about `value` as findings. Where a key is mistyped, it is not said as well that its mapping is empty.
 *
 * @param knownKeys every path the schema has, with `[]` for an index
 */
export function shapeFindings(error: z.ZodError, value: unknown, knownKeys: readonly string[]): Finding[] {
  const findings = error.issues.flatMap((issue) => findingsOf(issue, [], value, knownKeys));
  const mistyped = new Set(findings.filter(({ at }) => at === 'key').map(({ path }) => formatPath(path.slice(0, -1))));
  const isConsequence = ({ code, path }: Finding) => code === 'CONFIG_MISSING_KEY' && mistyped.has(formatPath(path));
  return findings.filter((finding) => !isConsequence(finding));
}

type Issue = z.core.$ZodIssue;

function findingsOf(issue: Issue, above: KeyPath, root: unknown, knownKeys: readonly string[]): Finding[] {
  const path = [...above, ...(issue.path as KeyPath)];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey([...path, key], knownKeys));
  }
  const found = valueAt(root, path);
  const branch = issue.code === 'invalid_union' ? meantBranch(issue.errors) : undefined;
  if (branch !== undefined) return branch.flatMap((inner) => findingsOf(inner, path, root, knownKeys));
  return [{ path, at: 'value', code: codeOf(issue, found), message: issue.message }];
}

/** The alternative whose own kind of value stands there, so that only something within it is wrong. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find((issues) =>
    issues.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys' || code === 'custom'),
  );
}

/** YAML 1.1 merged mappings by this key; 1.2, which is read here, knows it no more. */
const NO_MERGING = '; mappings are not merged here, an alias stands for all of one';

function unknownKey(path: KeyPath, knownKeys: readonly string[]): Finding {
  const key = String(path.at(-1));
  const hint = key === '<<' ? NO_MERGING : suggestion(key, patternOf(path.slice(0, -1)), knownKeys);
  return { path, at: 'key', code: 'CONFIG_UNKNOWN_KEY', message: `unknown key${hint}` };
}

/** A similar key at this place, else one below it (`retries` beside `update` instead of in it), else the same one elsewhere. */
function suggestion(key: string, parent: string, knownKeys: readonly string[]): string {
  const near = didYouMean(key, knownKeys.filter((known) => parentOf(known) === parent).map(lastOf));
  if (near !== null) return `; did you mean ${quote(near)}?`;
  const below = knownKeys.filter((known) => known.startsWith(parent));
  const nearBelow = didYouMean(key, below.map(lastOf));
  const homes = nearBelow === null ? knownKeys.filter((known) => lastOf(known) === key) : below;
  const name = nearBelow ?? key;
  const home = homes.find((known) => lastOf(known) === name);
  return home === undefined ? '' : `; did you mean ${quote(name)}? It belongs in ${parentOf(home) || 'the top level'}`;
}

const lastOf = (path: string) => path.slice(path.lastIndexOf('.') + 1);
const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('.')));

function patternOf(path: KeyPath): string {
  return path
    .map((key) => (typeof key === 'number' ? '[]' : `.${key}`))
    .join('')
    .replace(/^\./, '');
}

function valueAt(root: unknown, path: KeyPath): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[key];
  }
  return value;
}

function codeOf(issue: Issue, found: unknown): ErrorCode {
  if (issue.code === 'custom') {
    const { code } = issue.params ?? {};
    return isErrorCode(code) ? code : 'CONFIG_BAD_VALUE';
  }
  if (found === undefined) return 'CONFIG_MISSING_KEY';
  if (issue.code === 'invalid_type') return 'CONFIG_WRONG_TYPE';
  const isProtocol = issue.code === 'invalid_union' && issue.errors.length === 0;
  return isProtocol ? 'CONFIG_UNKNOWN_PROTOCOL' : 'CONFIG_BAD_VALUE';
}

const isErrorCode = (code: unknown): code is ErrorCode => typeof code === 'string' && Object.hasOwn(CATALOGUE, code);
