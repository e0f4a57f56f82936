import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { acquireInstanceLock } from '../../../src/service/instance-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'dropflash-lock-'));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true }));

const MODULE = fileURLToPath(new URL('../../../src/service/instance-lock.ts', import.meta.url));

/** A process of its own that holds the lock until it is killed, although nobody there keeps a reference to it. */
async function holderOf(data: string) {
  const script = `
    import { acquireInstanceLock } from ${JSON.stringify(MODULE)};
    acquireInstanceLock(${JSON.stringify(data)}, process.pid);
    gc();
    process.stdout.write('held');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

describe('the instance lock', () => {
  it('refuses a second daemon, names the first, and is free the moment the first is killed', async () => {
    const data = join(folder, 'killed', 'data');
    const holder = await holderOf(data);
    expect(() => acquireInstanceLock(data, 1)).toThrow(
      expect.objectContaining({ code: 'SERVICE_ALREADY_RUNNING', details: { dataFolder: data, pid: holder.pid } }),
    );
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    acquireInstanceLock(data, 2).release();
  });

  it('holds within one process too, and is given back once', () => {
    const data = join(folder, 'same');
    const lock = acquireInstanceLock(data, 11);
    expect(() => acquireInstanceLock(data, 12)).toThrow('process 11');
    lock.release();
    const next = acquireInstanceLock(data, 13);
    lock.release();
    expect(() => acquireInstanceLock(data, 14)).toThrow('process 13');
    next.release();
  });

  it('leaves other data folders alone', () => {
    const locks = ['a', 'b'].map((name) => acquireInstanceLock(join(folder, name), 1));
    for (const lock of locks) lock.release();
  });

  it('says so where the data folder cannot be made or holds something else under the name of the lock', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => acquireInstanceLock(join(file, 'data'), 1)).toThrow(
      expect.objectContaining({ code: 'SERVICE_DATA_FOLDER' }),
    );
    const data = join(folder, 'strange');
    acquireInstanceLock(data, 1).release();
    writeFileSync(
      join(data, 'daemon.lock'),
      'this is no database, and long enough to be taken for the header of one'.repeat(20),
    );
    expect(() => acquireInstanceLock(data, 1)).toThrow(expect.objectContaining({ code: 'SERVICE_DATA_FOLDER' }));
  });
});
