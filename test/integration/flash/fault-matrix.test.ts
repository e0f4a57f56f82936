import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../../src/errors.ts';
import { BRISK } from '../../../src/simulator/cores.ts';
import type { SimulatedDevice } from '../../../src/simulator/device.ts';
import type { DeviceSpec } from '../../../src/simulator/device-spec.ts';
import { type Fleet, startFleet } from '../../../src/simulator/fleet.ts';
import { buildEsp32App, buildEsp8266App } from '../../fixtures/images.ts';
import { dropflash } from '../../unit/cli/recorded-io.ts';
import { FAULT_ROWS, type FaultRow, type Kind, SIZE_BYTES } from './faults.ts';

const PASSWORD = 'correct horse';
/** Waiting costs nothing, since all devices are updated at once; long enough for a machine that is busy with just that. */
const OPTIONS = {
  'answer-within': '12s',
  'login-within': '6s',
  'dial-back-within': '8s',
  'stall-after': '9s',
  'result-within': '9s',
};

/** Without a password the two cores of the ESP32 do not differ. */
const KINDS: readonly Kind[] = [
  { core: 'esp8266', hasPassword: false },
  { core: 'esp8266', hasPassword: true },
  { core: 'esp32-md5', hasPassword: false },
  { core: 'esp32-md5', hasPassword: true },
  { core: 'esp32-sha256', hasPassword: true },
];
const loginOf = ({ core, hasPassword }: Kind) =>
  hasPassword ? (core === 'esp32-sha256' ? 'SHA-256' : 'MD5') : 'no password';

interface Case extends FaultRow {
  readonly kind: Kind;
  readonly title: string;
}

const CASES: readonly Case[] = FAULT_ROWS.flatMap((row) =>
  KINDS.map((kind) => ({ ...row, kind, title: `${row.fault}: ${kind.core}, ${loginOf(kind)}` })),
);

interface Ended {
  readonly device: SimulatedDevice;
  readonly exitCode: number;
  readonly document: {
    readonly outcome: string;
    readonly proof: string | null;
    readonly attempts: number;
    readonly error: { readonly code: keyof typeof CATALOGUE } | null;
  };
}

const folder = mkdtempSync(join(tmpdir(), 'dropflash-matrix-'));
let fleet: Fleet;
const ended = new Map<string, Ended>();

function specOf({ title, device, kind }: Case): DeviceSpec {
  return {
    ...device,
    name: title,
    core: kind.core,
    mdns: false,
    ...(kind.hasPassword ? { password: PASSWORD } : {}),
  };
}

/** One after the other begins, a hundred in a second: what they compute at the start of a conversation would hold up all others. */
const BETWEEN_STARTS_MS = 10;

async function flash(
  { title, kind, retries = 0, given = kind.hasPassword ? 'right' : 'nothing' }: Case,
  nth: number,
): Promise<void> {
  await pause(nth * BETWEEN_STARTS_MS);
  const device = fleet.device(title);
  const image = kind.core === 'esp8266' ? 'esp8266.bin' : 'esp32.bin';
  const options = Object.entries(OPTIONS).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const { exitCode, json } = await dropflash(
    ['flash', image, '--json', '--to', `espota://${device.address}:${device.port}`, '--retries', `${retries}`].concat(
      options,
      given === 'nothing' ? [] : ['--password-env', 'OTA_PW'],
    ),
    { cwd: folder, env: { OTA_PW: given === 'right' ? PASSWORD : 'wrong horse' } },
  );
  ended.set(title, { device, exitCode, document: json() });
}

beforeAll(async () => {
  writeFileSync(join(folder, 'esp8266.bin'), buildEsp8266App({ sizeBytes: SIZE_BYTES }));
  writeFileSync(join(folder, 'esp32.bin'), buildEsp32App({ sizeBytes: SIZE_BYTES }));
  fleet = await startFleet(CASES.map(specOf), { timings: BRISK });
  await Promise.all(CASES.map(flash));
});

afterAll(async () => {
  await fleet?.stop();
  rmSync(folder, { recursive: true });
});

describe('fault matrix', () => {
  it.each(CASES)('$title', async ({ title, kind, end, retries = 0 }) => {
    const { device, exitCode, document } = ended.get(title) ?? {};
    if (device === undefined || document === undefined) throw new Error('was not flashed');
    const ending = document.error?.code ?? document.proof;
    expect([end(kind)].flat()).toContain(ending);
    // Nobody is sent anything twice in one attempt.
    expect(device.counts.bytesReceived).toBeLessThanOrEqual((1 + retries) * SIZE_BYTES);
    if (document.error === null) {
      expect([document.outcome, exitCode, document.attempts]).toEqual(['succeeded', 0, 1 + retries]);
      // A device says OK before it installs.
      await expect.poll(() => device.installed).toHaveLength(1);
      return;
    }
    expect([document.outcome, exitCode, document.attempts]).toEqual(['failed', 1, 1]);
    expect(document.proof).toBe(CATALOGUE[document.error.code].disposition === 'uncertain' ? 'sent' : null);
    // Only a device that could not say so may have taken the image.
    expect(device.installed.length).toBeLessThanOrEqual(ending === 'OTA_RESULT_LOST' ? 1 : 0);
  });
});
