import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { configText, ENVIRONMENT } from './environment.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dropflash-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function load(name: string, bytes?: string | Buffer) {
  const file = join(folder, name);
  if (bytes !== undefined) writeFileSync(file, bytes);
  const { config, problems } = await loadConfig(file, ENVIRONMENT);
  return { config, problems: problems.map(({ line, code, message }) => `${line} ${code} ${message}`) };
}

describe('loadConfig', () => {
  it('reads a file, relative to its own folder, and leaves nothing behind', async () => {
    const { config, problems } = await load('good.yaml', configText());
    expect(problems).toEqual([]);
    expect(config?.drop.path).toBe(join(folder, 'drop'));
    expect(readdirSync(folder)).toEqual(['good.yaml']);
  });

  it('says what is wrong with a file that it cannot read', async () => {
    mkdirSync(join(folder, 'folder'));
    expect((await load('nope.yaml')).problems).toEqual(['1 CONFIG_UNREADABLE there is no such file']);
    expect((await load('folder')).problems).toEqual(['1 CONFIG_UNREADABLE this is a folder']);
    expect((await load('good.yaml/c.yaml')).problems).toEqual(['1 CONFIG_UNREADABLE a part of the path is no folder']);
    expect((await load('huge.yaml', '#'.repeat(3_000_000))).problems).toEqual([
      '1 CONFIG_UNREADABLE 3000000 bytes are too many for a config; the limit is 2097152',
    ]);
  });

  it.skipIf(process.platform === 'win32')('does not wait for a pipe that nobody writes to', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect((await load('pipe')).problems).toEqual(['1 CONFIG_UNREADABLE this is no regular file']);
  });

  it('names the line that is not UTF-8', async () => {
    const bytes = Buffer.concat([
      Buffer.from('version: 1\n# grün\n'),
      Buffer.from([0x23, 0xe4, 0x0a]),
      Buffer.from('x'),
    ]);
    expect((await load('latin1.yaml', bytes)).problems).toEqual(['3 CONFIG_UNREADABLE this line is not UTF-8 text']);
    expect((await load('utf16.yaml', Buffer.from('\uFEFFversion: 1', 'utf16le'))).problems).toEqual([
      '1 CONFIG_UNREADABLE this line is not UTF-8 text',
    ]);
  });

  it('reads the file anew each time', async () => {
    expect((await load('again.yaml', configText())).config).not.toBeNull();
    expect((await load('again.yaml', 'version: 1')).config).toBeNull();
  });
});
