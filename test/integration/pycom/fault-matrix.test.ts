import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../../src/errors.ts';
import type { SimulatedPycom } from '../../../src/simulator/pycom/pycom-device.ts';
import { type PycomFleet, startPycoms } from '../../../src/simulator/pycom/pycom-fleet.ts';
import { BRISK_PYCOM } from '../../../src/simulator/pycom/pycom-spec.ts';
import { dropflash } from '../../unit/cli/recorded-io.ts';
import { FAULT_ROWS, type FaultRow } from './faults.ts';
import { MODULES, type Module } from './modules.ts';

/** Waiting costs nothing, since all devices are updated at once. */
const OPTIONS = ['greeting-within=6s', 'wait-if-busy=1s', 'stall-after=4s', 'result-within=5s'];
const WITHIN = '20s';

interface Case extends FaultRow {
  readonly module: Module;
  readonly title: string;
}

const CASES: readonly Case[] = FAULT_ROWS.flatMap((row) =>
  MODULES.filter(({ spec }) => row.onlyEsp32 !== true || spec.mcu === 'ESP32').map((module) => ({
    ...row,
    module,
    title: `${row.fault}: ${module.title}`,
  })),
);

interface Ended {
  readonly device: SimulatedPycom;
  readonly exitCode: number;
  readonly image: Uint8Array;
  readonly document: {
    readonly outcome: string;
    readonly proof: string | null;
    readonly error: { readonly code: keyof typeof CATALOGUE; readonly message: string } | null;
  };
}

const folder = mkdtempSync(join(tmpdir(), 'dropflash-pycom-'));
let fleet: PycomFleet;
const ended = new Map<string, Ended>();

async function flash({ title, module, image: build, set = [], fault }: Case): Promise<void> {
  const device = fleet.device(title);
  const image = build?.(module) ?? module.image();
  const file = `${CASES.findIndex((one) => one.title === title)}.bin`;
  writeFileSync(join(folder, file), image);
  const within = fault === 'not seen again' ? '3s' : WITHIN;
  const settings = [...OPTIONS, `telnet-port=${device.telnetPort}`, ...set].flatMap((setting) => ['--set', setting]);
  const { exitCode, json } = await dropflash(
    ['flash', file, '--json', '--retries', '0', '--within', within, ...settings].concat([
      '--to',
      `pycom-ftp://${device.address}:${device.ftpPort}`,
    ]),
    { cwd: folder },
  );
  ended.set(title, { device, exitCode, image, document: json() });
}

beforeAll(async () => {
  const specs = CASES.map(({ title, module, device }) => ({ ...module.spec, ...device, name: title }));
  fleet = await startPycoms(specs, { timings: BRISK_PYCOM });
  await Promise.all(CASES.map(flash));
}, 60_000);

afterAll(async () => {
  await fleet?.stop();
  rmSync(folder, { recursive: true });
});

function endOf(title: string): Ended {
  const found = ended.get(title);
  if (found === undefined) throw new Error(`${title} was not flashed`);
  return found;
}

/** Only what was sent whole may be followed by a reset. */
function mostResets({ document: { proof } }: Ended): number {
  return proof === null || proof === 'sent' ? 0 : 1;
}

describe('fault matrix of Pycom modules', () => {
  it.each(CASES)('$title', ({ title, module, end, leavesMark = false }) => {
    const found = endOf(title);
    const { device, document, exitCode, image } = found;
    const { error, proof } = document;
    expect([error?.code ?? proof, error?.message]).toEqual([end(module), error?.message]);
    expect(device.counts.violations).toEqual([]);
    expect(device.isOverrun).toBe(false);
    expect(device.isMarked).toBe(leavesMark);
    expect(device.counts.resets).toBeLessThanOrEqual(mostResets(found));
    if (error === null) {
      expect([document.outcome, exitCode]).toEqual(['succeeded', 0]);
      expect(device.installed.map((bytes) => Buffer.compare(bytes, image))).toEqual(proof === 'sent' ? [] : [0]);
      return;
    }
    expect([document.outcome, exitCode]).toEqual(['failed', 1]);
    expect(device.installed.length).toBeLessThanOrEqual(error.code === 'JOB_NOT_RETURNED' ? 1 : 0);
    if (CATALOGUE[error.code].disposition === 'uncertain') expect(proof).toBe('sent');
  });
});
