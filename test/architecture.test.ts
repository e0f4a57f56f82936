import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SRC = join(ROOT, 'src');

/** docs/architecture.md, "Who may import whom": a folder may import folders of earlier lines only, never its own line's. */
const STEPS: readonly (readonly string[])[] = [
  ['errors'],
  ['errors.ts', 'log.ts', 'clock.ts'],
  ['model'],
  ['transports', 'service'],
  ['firmware'],
  ['rules', 'watcher', 'discovery', 'config', 'protocols'],
  ['jobs'],
  ['control', 'audit', 'hooks'],
  ['daemon.ts'],
  ['cli'],
  ['main.ts'],
];

/** The simulator stands apart: written from the fact sheets, it must not share a mistake with the client. */
const SIMULATOR_MAY_IMPORT = new Set(['simulator', 'errors.ts', 'log.ts', 'clock.ts', 'model']);
const MAY_IMPORT_SIMULATOR = new Set(['simulator', 'cli']);

/** Each third-party package is imported in one folder (or root file) of src/. */
const PACKAGE_ROOM: Readonly<Record<string, string>> = {
  'basic-ftp': 'protocols',
  'bonjour-service': 'discovery',
  chokidar: 'watcher',
  'cli-progress': 'cli',
  commander: 'cli',
  'dns-packet': 'simulator',
  'esptool-js': 'protocols',
  'ipaddr.js': 'rules',
  'node-cron': 'jobs',
  picomatch: 'rules',
  semver: 'firmware',
  serialport: 'transports',
  winston: 'service',
  yaml: 'config',
  zod: 'config',
};

interface Import {
  readonly file: string;
  readonly specifier: string;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

/** Biome's formatting makes each specifier the last string of its statement; dynamic imports count as well. */
function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const found = [
    ...text.matchAll(
      /(?:^|\n)(?:import|export)\b[^;'"]*?from '([^']+)';|\bimport\(\s*'([^']+)'|(?:^|\n)import '([^']+)';/g,
    ),
  ];
  return found.map((match) => ({ file, specifier: match[1] ?? match[2] ?? match[3] ?? '' }));
}

/** The folder of src/ that a path belongs to, or the file's own name for those at the top. */
function roomOf(path: string): string {
  return relative(SRC, path).split(sep)[0] ?? '';
}

const imports = sourceFiles(SRC).flatMap(importsOf);
const local = imports
  .filter(({ specifier }) => specifier.startsWith('.'))
  .map(({ file, specifier }) => ({ file, target: resolve(dirname(file), specifier) }));

function stepOf(room: string): number {
  return STEPS.findIndex((rooms) => rooms.includes(room));
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return true;
  if (to === 'simulator') return MAY_IMPORT_SIMULATOR.has(from);
  if (from === 'simulator') return SIMULATOR_MAY_IMPORT.has(to);
  return stepOf(from) > stepOf(to);
}

describe('architecture', () => {
  it('has a place in the order for every folder', () => {
    const rooms = new Set(sourceFiles(SRC).map(roomOf));
    expect([...rooms].filter((room) => room !== 'simulator' && stepOf(room) === -1)).toEqual([]);
  });

  it('imports only downwards', () => {
    const wrong = local
      .filter(({ file, target }) => !mayImport(roomOf(file), roomOf(target)))
      .map(({ file, target }) => `${relative(ROOT, file)} → ${relative(ROOT, target)}`);
    expect(wrong).toEqual([]);
  });

  it('imports each third-party package in one place, and only those that have one', () => {
    const packages = imports.filter(({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('node:'));
    const wrong = packages
      .map(({ file, specifier }) => ({ room: roomOf(file), name: specifier.split('/')[0] ?? '' }))
      .filter(({ room, name }) => PACKAGE_ROOM[name] !== room)
      .map(({ room, name }) => `${name} in ${room}`);
    expect(wrong).toEqual([]);
  });

  it('ends the process in main.ts only', () => {
    const wrong = sourceFiles(SRC)
      .filter((file) => roomOf(file) !== 'main.ts' && /process\.exit(Code)?\b/.test(readFileSync(file, 'utf8')))
      .map((file) => relative(ROOT, file));
    expect(wrong).toEqual([]);
  });
});
