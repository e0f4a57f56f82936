import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Journal } from '../../../src/jobs/journal/journal.ts';
import { dropflash } from './recorded-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'dropflash-look-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CONFIG = `
version: 1
drop: { path: ./drop }
rules:
  - name: all
    firmware: { file: "*.bin" }
    devices: { name: "*" }
    update: { password: secret }
`;

beforeAll(() => {
  mkdirSync(join(folder, 'data'));
  Journal.open(Journal.pathIn(join(folder, 'data'))).close();
});

function look(command: string, text: string) {
  writeFileSync(join(folder, 'config.yaml'), text);
  return dropflash([command, '--json'], { cwd: folder });
}

describe.each(['devices', 'jobs', 'releases', 'rollouts', 'publications', 'units'])('%s', (command) => {
  it('does not speak of the passwords of rules that it does not use', async () => {
    expect(await look(command, CONFIG)).toMatchObject({ exitCode: 0, err: '' });
  });

  it('looks into the journal whatever somebody has just written into the config', async () => {
    const { exitCode, json, err } = await look(command, `${CONFIG}rulez: []\n`);
    expect([exitCode, err]).toEqual([0, expect.stringContaining('CONFIG_UNKNOWN_KEY')]);
    expect(json()).toBeTypeOf('object');
  });

  it('does not guess where the journal is', async () => {
    const { exitCode, json } = await look(command, `${CONFIG}data: 7\n`);
    expect(exitCode).toBe(78);
    expect(json()).toMatchObject({ problems: [{ code: 'CONFIG_WRONG_TYPE', path: 'data' }] });
  });
});
