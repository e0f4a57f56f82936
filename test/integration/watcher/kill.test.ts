import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { exists } from '../../../src/watcher/files.ts';
import { buildEsp32App } from '../../fixtures/images.ts';
import { jsonOf, namesIn, nap, rawBytes, sha256Of, temporaryFolder, until } from '../../unit/watcher/support.ts';
import { FileLedger } from './kill-child.ts';

const CHILD = fileURLToPath(new URL('kill-child.ts', import.meta.url));
const KILLS = 5;
const FILES_A_ROUND = 12;

async function start(root: string, data: string): Promise<ChildProcess> {
  const child = fork(CHILD, [root, data]);
  await once(child, 'message');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** Drops one file, written in place or renamed into it, under one of few names, so that they collide in working/ and done/. */
async function dropFile(root: string, seed: number): Promise<string> {
  const bytes = seed % 3 === 0 ? rawBytes(seed) : buildEsp32App({ seed });
  const isTaken = await exists(`${root}/image-${seed % 4}.bin`);
  const name = isTaken ? `other-${seed}.bin` : `image-${seed % 4}.bin`;
  await writeFile(`${root}/${seed % 2 === 0 ? '.upload' : name}`, bytes);
  if (seed % 2 === 0) await rename(`${root}/.upload`, `${root}/${name}`);
  return sha256Of(bytes);
}

it('SIGKILL at any moment loses no file, takes none twice, and leaves none without its result', async () => {
  await using folder = await temporaryFolder();
  const [root, data] = [`${folder.path}/drop`, `${folder.path}/data`];
  await mkdir(root);
  await mkdir(data);
  const hashes: string[] = [];
  for (let round = 0; round < KILLS; round += 1) {
    const child = await start(root, data);
    for (let index = 0; index < FILES_A_ROUND; index += 1) hashes.push(await dropFile(root, hashes.length));
    await nap(40 + ((round * 67) % 260));
    await kill(child);
  }
  const last = await start(root, data);
  const isEmpty = async () => (await namesIn(root)).every((name) => !name.endsWith('.bin'));
  const isDone = async () => (await isEmpty()) && new FileLedger(`${data}/ledger`).unfinished().length === 0;
  await until(isDone, 'the end of all drops', 20_000);
  await kill(last);

  const drops = [...new FileLedger(`${data}/ledger`).drops.values()];
  expect(drops.map(({ sha256 }) => sha256).sort()).toEqual(hashes.sort());
  expect(await namesIn(`${root}/working`)).toEqual([]);
  for (const { id, placedName, sha256 } of drops) {
    expect(sha256Of(await readFile(`${root}/done/${placedName}`))).toBe(sha256);
    expect(sha256Of(await readFile(`${data}/firmware/${sha256}`))).toBe(sha256);
    expect(await jsonOf(`${root}/done/${placedName}.result.json`)).toMatchObject({ drop: id });
  }
  expect(await namesIn(`${root}/done`)).toHaveLength(2 * hashes.length);
}, 60_000);
