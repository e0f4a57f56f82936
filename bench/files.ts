import { openPackageApart, readDossierApart } from '../src/firmware/apart/read-apart.ts';
import { sha256InSteps } from '../src/firmware/bytes.ts';
import { sampleImage } from '../src/simulator/sample-image.ts';
import { buildZip } from '../test/fixtures/images/archives.ts';
import type { BenchRow } from './row.ts';

const MEGABYTE = 1024 * 1024;

/** How long large files take to be read, and how long everything else in the process stands still meanwhile. */
export async function benchFiles({ isQuick }: { readonly isQuick: boolean }): Promise<BenchRow[]> {
  const megabytes = isQuick ? 4 : 16;
  const app = sampleImage({ chip: 'esp32', sizeBytes: megabytes * MEGABYTE, version: 'bench' });
  const manifest = { flash_files: { '0x10000': 'app.bin' }, extra_esptool_args: { chip: 'esp32' } };
  const archive = buildZip({ 'flasher_args.json': manifest, 'app.bin': app });
  return [
    ...(await rowsOf(`ZIP package of ${megabytes} MB, its dossier`, () => readDossierApart(archive, 'bench.zip'))),
    ...(await rowsOf(`ZIP package of ${megabytes} MB, opened`, () => openPackageApart(archive))),
    ...(await rowsOf(`application of ${megabytes} MB, its dossier`, () => readDossierApart(app, 'bench.bin'))),
    ...(await rowsOf(`application of ${megabytes} MB, its SHA-256`, () => sha256InSteps(app))),
  ];
}

async function rowsOf(what: string, read: () => Promise<unknown>): Promise<BenchRow[]> {
  // Once for the compiler: what is measured is how it goes day by day.
  await read();
  let lastMs = performance.now();
  const startedMs = lastMs;
  let longestMs = 0;
  let next = setImmediate(look);
  function look(): void {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
    next = setImmediate(look);
  }
  await read();
  const endedMs = performance.now();
  clearImmediate(next);
  return [
    { what, value: endedMs - startedMs, unit: 'ms' },
    { what: `${what}: longest stall`, value: Math.max(longestMs, endedMs - lastMs), unit: 'ms', aim: '< 50 ms' },
  ];
}
