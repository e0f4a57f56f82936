import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { rotatingFile } from '../../../src/service/rotating-file.ts';
import { manualClock } from './manual-clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'dropflash-rotate-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a rotating file', () => {
  it('is tried again half a minute after it failed, and tells how many lines were lost', async () => {
    const clock = manualClock();
    const told: string[] = [];
    const obstacle = join(folder, 'logs');
    writeFileSync(obstacle, '');
    const stream = rotatingFile(
      { path: join(obstacle, 'x.log'), maxBytes: 1e6, keep: 1 },
      { clock, onTrouble: () => told.push('trouble'), onRecovery: (lost) => told.push(`lost ${lost}`) },
    );
    const write = (line: string) => new Promise((resolve) => stream.write(`${line}\n`, resolve));

    await write('one');
    rmSync(obstacle);
    await write('two');
    expect(told).toEqual(['trouble']);
    clock.advance(30_000);
    await write('three');
    await new Promise<void>((resolve) => stream.end(resolve));
    expect(told).toEqual(['trouble', 'lost 2']);
    expect(readFileSync(join(obstacle, 'x.log'), 'utf8')).toBe('three\n');
  });
});
