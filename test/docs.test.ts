import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../src/errors.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

describe('docs/errors.md', () => {
  it('has one section for each code, and none for codes that do not exist', () => {
    const sections = [...read('docs/errors.md').matchAll(/^## ([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)$/gm)].map(
      (match) => match[1],
    );
    expect([...sections].sort()).toEqual(Object.keys(CATALOGUE).sort());
  });

  it('has each section under the heading of its area', () => {
    const wrong = read('docs/errors.md')
      .split(/^(?=# )/m)
      .flatMap((part) => {
        const area = /^# ([A-Z]+): /.exec(part)?.[1] ?? '';
        const codes = [...part.matchAll(/^## ([A-Z0-9_]+)$/gm)].map((match) => match[1] ?? '');
        return codes.filter((code) => !code.startsWith(`${area}_`)).map((code) => `${code} under ${area}`);
      });
    expect(wrong).toEqual([]);
  });
});

describe('the error catalogue', () => {
  it('has each code in one table only, where a second one would silently replace the first', () => {
    const tables = readdirSync(join(ROOT, 'src/errors')).map((name) => read(join('src/errors', name)));
    const codes = tables.flatMap((text) => [...text.matchAll(/^ {2}([A-Z][A-Z0-9]*_[A-Z0-9_]+): \{/gm)]);
    expect(codes.map((match) => match[1]).sort()).toEqual(Object.keys(CATALOGUE).sort());
  });

  it('has a hint in the imperative that ends as a sentence', () => {
    for (const [code, { hint }] of Object.entries(CATALOGUE)) expect(hint, code).toMatch(/^[A-Z].*[^\s]\.$/);
  });
});

describe('the log', () => {
  const table = read('docs/architecture.md').split('\n## Log\n')[1] ?? '';
  const source = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('simulator'))
    .map((name) => read(join('src', name)))
    .join('\n');

  it('says nothing at info or above that docs/architecture.md does not explain', () => {
    const said = [...source.matchAll(/\.(?:error|warn|info)\(\s*'([a-z]+\.[a-z_-]+)'/g)].map((match) => match[1] ?? '');
    expect(said.length).toBeGreaterThan(50);
    expect([...new Set(said)].filter((event) => !table.includes(`\`${event}\``)).sort()).toEqual([]);
  });

  it('is not said there to have an event that nothing writes', () => {
    const explained = [...table.matchAll(/`([a-z]+\.[a-z_-]+)`/g)].map((match) => match[1] ?? '');
    expect(explained.filter((event) => !source.includes(`'${event}'`))).toEqual([]);
  });
});

describe('pages', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', ...markdownIn('docs'), ...markdownIn('windows')];

  it.each(pages)('%s links only to files that exist', (page) => {
    const links = [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '');
    const local = links.filter((link) => !/^[a-z]+:/.test(link));
    expect(local.filter((link) => !existsSync(join(ROOT, dirname(page), link)))).toEqual([]);
  });
});

describe('what is committed', () => {
  it('names no package registry in the lock file', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved"|https?:\/\/[^"]*registry/);
  });
});

function markdownIn(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}
