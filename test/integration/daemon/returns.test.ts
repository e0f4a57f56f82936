import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DropResultJob } from '../../../src/model/drop.ts';
import { CORES, type Core } from '../../../src/simulator/cores.ts';
import type { DeviceSpec } from '../../../src/simulator/device-spec.ts';
import type { Faults } from '../../../src/simulator/faults.ts';
import type { Fleet } from '../../../src/simulator/fleet.ts';
import { buildEsp32App, buildEsp8266App } from '../../fixtures/images.ts';
import { Site } from './site.ts';

const site = new Site();
const PASSWORD = 'three words long';

type Ending = 'returned' | 'JOB_NOT_RETURNED' | 'JOB_OUTCOME_UNKNOWN';

/** The faults that strike after the last byte: what the daemon may say of them, and the strongest proof that it may claim. */
const ROWS: readonly (readonly [name: string, faults: Faults, ending: Ending, proof: string])[] = [
  ['new', { comeback: { kind: 'new-image' } }, 'returned', 'returned'],
  // ArduinoOTA has no word for the version: "returned" is all that was seen, and all that is said.
  ['old', { comeback: { kind: 'old-image' } }, 'returned', 'returned'],
  ['silent', { comeback: { kind: 'new-image' } }, 'returned', 'returned'],
  ['moved', { comeback: { kind: 'moved', address: '127.65.0.0', port: 3999 } }, 'returned', 'returned'],
  ['never', { comeback: { kind: 'never' } }, 'JOB_NOT_RETURNED', 'accepted'],
  ['stays', { comeback: { kind: 'no-restart' } }, 'JOB_NOT_RETURNED', 'accepted'],
  ['closed', { okLost: 'close' }, 'JOB_OUTCOME_UNKNOWN', 'sent'],
  ['reset', { okLost: 'reset' }, 'JOB_OUTCOME_UNKNOWN', 'sent'],
  ['mute', { okLost: 'close', comeback: { kind: 'never' } }, 'JOB_OUTCOME_UNKNOWN', 'sent'],
];

/** Devices that do not probe for their names, as RFC 6762 would have them do, are known by their announcements alone. */
const NO_PROBES = { probeEveryMs: 0, bootMs: 3_000 };

/** Its announcements are over before the update: what was said of a former start is no sign of a later one. */
const SOON_QUIET = { announceEveryMs: 50 };

const SPECS: readonly DeviceSpec[] = ROWS.flatMap(([row, faults]) =>
  CORES.flatMap((core) => [
    { name: site.named(`${row}-open-${core}`), core, board: boardOf(core), faults },
    { name: site.named(`${row}-locked-${core}`), core, board: boardOf(core), faults, password: PASSWORD },
  ]),
).map((spec, nth) => ({
  ...spec,
  faults: elsewhere(spec.faults, nth),
  ...(spec.name.includes('silent-') ? { timings: NO_PROBES } : {}),
  ...(spec.faults.comeback?.kind === 'no-restart' ? { timings: SOON_QUIET } : {}),
}));

function boardOf(core: Core): string {
  return core === 'esp8266' ? 'd1_mini' : 'lolin32';
}

/** Each device that moves needs an address of its own. */
function elsewhere(faults: Faults, nth: number): Faults {
  const { comeback } = faults;
  return comeback?.kind === 'moved' ? { ...faults, comeback: { ...comeback, address: `127.65.0.${nth + 1}` } } : faults;
}

let fleet: Fleet;
const jobs = new Map<string, DropResultJob>();
const again: string[] = [];

beforeAll(async () => {
  site.env['OTA_PASSWORD'] = PASSWORD;
  fleet = await site.fleet(SPECS);
  site.configure({
    limits: { total: 64, 'per-subnet': 64 },
    rules: [
      {
        name: 'all',
        firmware: { file: 'app-*' },
        devices: { service: site.service },
        update: { password: { env: 'OTA_PASSWORD' } },
        verify: { within: '8s' },
      },
    ],
  });
  const daemon = await site.start();
  await Promise.all(SPECS.map(({ name }) => daemon.until('device.seen', { device: name })));
  site.drop('app-8266.bin', buildEsp8266App({ seed: 30 }));
  site.drop('app-32.bin', buildEsp32App({ seed: 31 }));
  for (const result of await Promise.all([
    site.result('failed', 'app-8266.bin'),
    site.result('failed', 'app-32.bin'),
  ])) {
    for (const job of result.jobs) jobs.set(job.name, job);
  }
  await daemon.stop();
  // Whatever it knows now, it sends to nobody again.
  const second = await site.start();
  await second.stop();
  again.push(...second.all('job.started').map(({ job }) => String(job)));
});

afterAll(() => site[Symbol.asyncDispose]());

describe.each(ROWS)('a device that ends as "%s"', (row, _faults, ending, proof) => {
  it.each(SPECS.filter(({ name }) => name.startsWith(`${row}-`)))('$name', ({ name }) => {
    const job = jobs.get(name);
    expect(job?.error?.code ?? job?.proof).toBe(ending);
    // A busy machine may miss the first invitation: what counts is that the bytes went out once.
    expect(job).toMatchObject({ state: ending === 'returned' ? 'succeeded' : 'failed', proof });
    const device = fleet.device(name);
    expect(device.installed).toHaveLength(1);
    expect(device.counts.bytesReceived).toBe(device.installed[0]?.sizeBytes);
  });
});

describe('a daemon that starts again', () => {
  it('sends to no device that took the image, or may have', () => {
    expect(jobs.size).toBe(SPECS.length);
    expect(again).toEqual([]);
  });
});
