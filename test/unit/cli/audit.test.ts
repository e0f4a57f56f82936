import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dropflash } from './recorded-io.ts';

it.each(['not there', 'empty'])('audit verify finds nothing intact in a data folder that is %s', async (how) => {
  const home = mkdtempSync(join(tmpdir(), 'dropflash-audit-verify-'));
  try {
    const config = { version: 1, drop: { path: './drop' }, data: './data', discovery: { mdns: false }, rules: [] };
    writeFileSync(join(home, 'config.yaml'), JSON.stringify(config));
    if (how === 'empty') mkdirSync(join(home, 'data'));
    const { exitCode, ...said } = await dropflash(['audit', 'verify', '--json'], { cwd: home });
    expect(exitCode).toBe(1);
    expect(said.json()).toMatchObject({ error: { code: 'JOURNAL_NOT_FOUND' } });
  } finally {
    rmSync(home, { recursive: true });
  }
});
