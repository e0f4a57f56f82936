import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FtpSite, PROGRAM } from '../../unit/protocols/waspmote-ftp/ftp-site.ts';
import { findProgram, runProgram } from './programs.ts';

const NOTICE = 'FILE:TEST001\nPATH:/\nSIZE:20000\nVERSION:3\n';

let site: FtpSite;
let folder: string;

beforeEach(async () => {
  site = await new FtpSite().open();
  folder = mkdtempSync(join(tmpdir(), 'dropflash-ftp-'));
});

afterEach(async () => {
  await site.server.stop();
  rmSync(folder, { recursive: true });
});

const here = (name: string) => readFileSync(join(folder, name));

describe('curl', () => {
  const curl = findProgram('curl');
  const fetch = async (path: string, ...options: string[]) => {
    const url = `ftp://127.0.0.1:${site.port}/${path}`;
    return await runProgram(curl ?? '', ['-sS', '--max-time', '20', '-u', 'ota:libelium', ...options, url], folder);
  };

  it.skipIf(curl === null)('fetches over EPSV, PASV, EPRT and PORT', async () => {
    for (const way of [[], ['--disable-epsv'], ['-P', '-'], ['-P', '-', '--disable-eprt']]) {
      const { stdout, exitCode } = await fetch('TEST001', ...way);
      expect([way, exitCode, stdout.equals(PROGRAM)]).toEqual([way, 0, true]);
    }
    await expect.poll(() => site.told.filter((words) => words.endsWith('whole'))).toHaveLength(4);
  });

  it.skipIf(curl === null)('resumes, and lists one file and the folder', async () => {
    writeFileSync(join(folder, 'part'), PROGRAM.subarray(0, 7_777));
    expect(await fetch('.gprs//TEST001', '-C', '-', '-o', 'part')).toMatchObject({ exitCode: 0 });
    expect(here('part').equals(PROGRAM)).toBe(true);
    expect(String((await fetch('', '-X', 'LIST TEST001')).stdout)).toMatch(
      /^-rw-r--r-- 1 ota ota 20000 Nov 20 2026 TEST001\r?\n$/,
    );
    expect(String((await fetch('', '--list-only')).stdout).split(/\r?\n/)).toEqual([
      'UPGRADE.TXT',
      'TEST001',
      '.gprs',
      '',
    ]);
    expect(String((await fetch('UPGRADE.TXT', '--use-ascii')).stdout)).toBe(NOTICE);
  });

  it.skipIf(curl === null)('is told that a file is not there, and cannot put one', async () => {
    expect((await fetch('OTHER01')).exitCode).toBe(78);
    expect((await fetch('TEST001', '-T', '/etc/hostname')).exitCode).toBe(25);
  });
});

describe('lftp', () => {
  const lftp = findProgram('lftp');
  it.skipIf(lftp === null)('fetches, resumes and lists, passive and active', async () => {
    writeFileSync(join(folder, 'resumed'), PROGRAM.subarray(0, 9_999));
    const script = [
      'set net:timeout 10; set net:max-retries 1; set ftp:ssl-allow no; set xfer:clobber yes',
      `open -u ota,libelium -p ${site.port} 127.0.0.1`,
      'get TEST001 -o passive; get -c TEST001 -o resumed; cls -1; ls TEST001',
      'set ftp:passive-mode no; get .gprs/TEST001 -o active; bye',
    ].join('\n');
    const { stdout, exitCode, stderr } = await runProgram(lftp ?? '', ['-c', script], folder);
    expect([exitCode, stderr]).toEqual([0, '']);
    for (const name of ['passive', 'resumed', 'active']) expect(here(name).equals(PROGRAM)).toBe(true);
    expect(String(stdout)).toContain('UPGRADE.TXT');
    expect(String(stdout)).toContain('20000');
  });
});

describe("Debian's ftp", () => {
  const ftp = findProgram('ftp');
  it.skipIf(ftp === null)('fetches passive and active, and lists', async () => {
    const script = (mode: string, name: string) =>
      [
        `open 127.0.0.1 ${site.port}`,
        'user ota libelium',
        mode,
        'binary',
        'ls',
        `get TEST001 ${name}`,
        'cd .gprs',
        `get UPGRADE.TXT ${name}.txt`,
        'bye',
        '',
      ].join('\n');
    for (const [mode, name] of [
      ['passive on', 'one'],
      ['passive off', 'two'],
    ] as const) {
      const { stdout } = await runProgram(ftp ?? '', ['-n', '-v'], folder, script(mode, name));
      expect(String(stdout)).toContain('20000');
      expect(here(name).equals(PROGRAM)).toBe(true);
      expect(String(here(`${name}.txt`))).toBe(NOTICE);
    }
  });
});
