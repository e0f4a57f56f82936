import { systemClock } from '../src/clock.ts';
import { readDossier } from '../src/firmware/dossier.ts';
import { silentLogger } from '../src/log.ts';
import type { FirmwareImage } from '../src/model/image.ts';
import { espota } from '../src/protocols/espota/index.ts';
import { CORE_FACTS, type Core, type Timings } from '../src/simulator/cores.ts';
import type { DeviceSpec } from '../src/simulator/device-spec.ts';
import { sampleImage } from '../src/simulator/sample-image.ts';
import { createNodeLinks } from '../src/transports/node-links.ts';
import { aDevice } from '../test/fixtures/records.ts';
import { FleetProcess, type Place } from './fleet-process.ts';
import { sendInLockStep } from './lock-step.ts';
import type { BenchRow } from './row.ts';

const SECTOR_BYTES = 4096;
const CORES: readonly Core[] = ['esp8266', 'esp32-md5'];
const DELAYS_MS = [0, 5, 20];
/** Nothing of the device but its windows holds the sender back. */
const UNLIMITED: Partial<Timings> = { sectorMs: 0, afterReplyMs: 0, beforeOkMs: 0, afterOkMs: 0 };

interface Case {
  readonly core: Core;
  readonly isFlashLimited: boolean;
  readonly delayMs: number;
}

interface Measured extends Case {
  readonly ourMs: number;
  readonly lockStepMs: number;
  /** The least that flash, window and delay of the device allow. */
  readonly limitMs: number;
}

/** One upload at a time: our client against a lock-step sender, each on a device of its own. */
export async function benchThroughput({ isQuick }: { readonly isQuick: boolean }): Promise<BenchRow[]> {
  const sizeBytes = (isQuick ? 128 : 1024) * 1024;
  const cases = [true, false].flatMap((isFlashLimited) =>
    CORES.flatMap((core) => DELAYS_MS.map((delayMs) => ({ core, isFlashLimited, delayMs }))),
  );
  await using fleet = await FleetProcess.start({
    specs: cases.flatMap((one) => ['ours', 'peer'].map((who) => specOf(one, who))),
    service: `bench${process.pid}`,
    timings: {},
  });
  const rows: BenchRow[] = [];
  for (const one of cases) rows.push(...rowsOf(await measure(one, sizeBytes, fleet), sizeBytes));
  return rows;
}

function nameOf({ core, isFlashLimited, delayMs }: Case, who: string): string {
  return `${core}-${isFlashLimited ? 'flash' : 'free'}-${delayMs}-${who}`;
}

function specOf(one: Case, who: string): DeviceSpec {
  return {
    name: nameOf(one, who),
    core: one.core,
    mdns: false,
    appSpaceBytes: 4 * 1024 * 1024,
    link: { delayMs: one.delayMs },
    ...(one.isFlashLimited ? {} : { timings: UNLIMITED }),
  };
}

async function measure(one: Case, sizeBytes: number, fleet: FleetProcess): Promise<Measured> {
  const { chip } = CORE_FACTS[one.core];
  const bytes = sampleImage({ chip, sizeBytes, version: 'bench' });
  const name = 'bench.bin';
  const image = { sha256: '', name, sizeBytes: bytes.length, dossier: readDossier(bytes, name), bytes };
  const ourMs = await timeOf(() => flash(fleet.place(nameOf(one, 'ours')), image));
  const lockStepMs = await timeOf(() => sendInLockStep(fleet.place(nameOf(one, 'peer')), bytes));
  return { ...one, ourMs, lockStepMs, limitMs: limitOf(one, bytes.length) };
}

async function flash(place: Place, image: FirmwareImage): Promise<void> {
  const request = {
    image,
    device: aDevice(place),
    options: {},
    attempt: 1,
    links: createNodeLinks(systemClock, silentLogger),
    clock: systemClock,
    observer: { onStep: () => undefined, onProgress: () => undefined },
    log: silentLogger,
  };
  await espota.flash(request, new AbortController().signal);
}

/** A window a round trip, or a sector a flash time, whichever takes longer; and the pauses that the device makes. */
function limitOf({ core, isFlashLimited, delayMs }: Case, sizeBytes: number): number {
  const { timings, windowBytes } = CORE_FACTS[core];
  const windowMs = (sizeBytes / windowBytes) * 2 * delayMs;
  if (!isFlashLimited) return windowMs;
  const flashMs = Math.ceil(sizeBytes / SECTOR_BYTES) * timings.sectorMs;
  return Math.max(windowMs, flashMs) + timings.afterReplyMs + timings.beforeOkMs;
}

async function timeOf(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function rowsOf({ ourMs, lockStepMs, limitMs, ...one }: Measured, sizeBytes: number): BenchRow[] {
  const chip = one.core === 'esp8266' ? 'ESP8266' : 'ESP32';
  const what = `${chip}, ${one.isFlashLimited ? 'flash as on a device' : 'flash unlimited'}, +${one.delayMs} ms each way`;
  const rate = { what, value: sizeBytes / ourMs, unit: 'kB/s' };
  const speed: BenchRow = {
    ...rate,
    ratio: { value: lockStepMs / ourMs, of: 'lock-step' },
    aim: one.delayMs >= 20 ? '≥ 2 × lock-step' : '≥ 1 × lock-step',
  };
  if (limitMs === 0) return [speed];
  return [speed, { what, value: ourMs / 1000, unit: 's', ratio: { value: ourMs / limitMs, of: "the device's limit" } }];
}
