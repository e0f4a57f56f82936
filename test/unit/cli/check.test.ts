import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dropflash } from './recorded-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'dropflash-check-'));
afterAll(() => rmSync(folder, { recursive: true }));

const RIGHT = `
version: 1
drop: { path: ./drop }
rules:
  - name: all
    firmware: { file: "*.bin" }
    devices: { name: "*" }
    update: { protocol: espota, password: { env: OTA_PW } }
`;

function config(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

describe('check', () => {
  it('prints the config as it works, without secrets', async () => {
    const args = ['check', '-c', config('right.yaml', RIGHT)];
    const { exitCode, out } = await dropflash(args, { cwd: folder, env: { OTA_PW: 'hunter2' } });
    expect(exitCode).toBe(0);
    expect(out).toContain(`path: ${join(folder, 'drop')}`);
    expect(out).toContain('env: OTA_PW');
    expect(out).not.toContain('hunter2');
  });

  it('tells every problem with its line and ends with 78', async () => {
    const text = RIGHT.replace('file:', 'fil:').replace(
      '"*.bin" }',
      '"*.bin" }\n    when: { cron: "99 * * * *", for: 1h }',
    );
    const args = ['check', '-c', config('wrong.yaml', text)];
    const { exitCode, out, err } = await dropflash(args, { cwd: folder });
    expect([exitCode, out]).toEqual([78, '']);
    expect(err).toMatch(/wrong\.yaml:6:\d+ +rules\[0\]\.firmware\.fil +CONFIG_UNKNOWN_KEY/);
    expect(err).toMatch(/wrong\.yaml:7:\d+ +rules\[0\]\.when\.cron/);
    expect(err).toContain('2 problems');
  });

  it('with --json puts both into one document', async () => {
    const args = ['check', '--json', '-c', config('right.yaml', RIGHT)];
    const { exitCode, json } = await dropflash(args, { cwd: folder });
    expect(exitCode).toBe(78);
    expect(json()).toMatchObject({ config: null, problems: [{ code: 'CONFIG_SECRET_MISSING', line: 8 }] });
  });
});
