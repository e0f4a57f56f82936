import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Dossier } from '../../model/image.ts';
import { startsWith } from '../bytes.ts';
import type { FirmwarePackage } from '../packages/flash-set.ts';
import { packageOf } from '../packages/package.ts';
import { type Given, perform, type Result, type TaskName } from './tasks.ts';
import type { Order } from './worker.ts';

/** In a source tree beside this file as TypeScript, in what was built as JavaScript. */
const WORKER = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);

/** A dossier of so many bytes takes 10 ms, less than a thread takes to start. */
const QUICK_BYTES = 0x100000;
/** Into memory that the system has yet to give, a megabyte takes up to 3 ms; no more than that is copied in one go. */
const COPY_STEP_BYTES = 0x100000;
/** gzip (RFC 1952, 2.3.1) and ZIP: a few bytes of these may hold megabytes. */
const PACKED: readonly (readonly number[])[] = [
  [0x1f, 0x8b],
  [0x50, 0x4b],
];

/**
 * Performs a task without holding up the event loop: on a thread of its own, which ends with it, unless it is a matter of milliseconds. The
 * bytes stay the caller's. What the task throws, a mistake of ours, is thrown here.
 *
 * A thread for each task, and none that stays: an idle one costs memory day and night, and files are read a few times a day. Whoever calls bounds
 * how many there are at a time.
 */
export async function readApart<Name extends TaskName>(
  name: Name,
  bytes: Uint8Array,
  given: Given<Name>,
): Promise<Result<Name>> {
  if (isQuick(bytes)) return perform(name, bytes, given);
  const copy = await copyOf(bytes);
  const order: Order = { name, bytes: copy, given };
  const worker = new Worker(WORKER, { workerData: order, transferList: [copy.buffer], execArgv: [] });
  try {
    return await resultOf<Name>(worker);
  } finally {
    await worker.terminate();
  }
}

/** The dossier of a file: {@link readDossier}, without holding up the event loop. */
export function readDossierApart(bytes: Uint8Array, name: string): Promise<Dossier> {
  return readApart('dossier', bytes, name);
}

/**
 * The package with the bytes of all its parts, opened without holding up the event loop.
 *
 * @throws FlashError with the first of its problems
 */
export async function openPackageApart(bytes: Uint8Array): Promise<FirmwarePackage> {
  return packageOf(await readApart('package', bytes, null));
}

function isQuick(bytes: Uint8Array): boolean {
  return bytes.length <= QUICK_BYTES && !PACKED.some((magic) => startsWith(bytes, 0, magic));
}

async function copyOf(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const copy = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += COPY_STEP_BYTES) {
    if (at > 0) await new Promise(setImmediate);
    copy.set(bytes.subarray(at, at + COPY_STEP_BYTES), at);
  }
  return copy;
}

function resultOf<Name extends TaskName>(worker: Worker): Promise<Result<Name>> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('messageerror', reject);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the thread that reads a file ended with ${code} and no result`)));
  });
}
