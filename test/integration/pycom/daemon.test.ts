import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { MdnsResponder } from '../../../src/simulator/mdns-responder.ts';
import type { SimulatedPycom } from '../../../src/simulator/pycom/pycom-device.ts';
import { type PycomFleet, startPycoms } from '../../../src/simulator/pycom/pycom-fleet.ts';
import { BRISK_PYCOM, type PycomFaults } from '../../../src/simulator/pycom/pycom-spec.ts';
import { Site } from '../daemon/site.ts';
import { moduleOf } from './modules.ts';

const FIPY = moduleOf('FiPy, 1.20.2');
const site = new Site();
const fleets: PycomFleet[] = [];
let responder: MdnsResponder;

/** On the same ports as the first of them, as modules are. */
async function module(name: string, faults: PycomFaults = {}): Promise<SimulatedPycom> {
  const [first] = fleets;
  const telnetPort = first?.devices[0]?.telnetPort ?? 0;
  const spec = {
    ...FIPY.spec,
    name: site.named(name),
    faults,
    telnetPort,
    address: `127.67.${process.pid % 250}.${fleets.length + 1}`,
  };
  const fleet = await startPycoms([spec], { timings: { ...BRISK_PYCOM, bootMs: 2_000 } });
  fleets.push(fleet);
  return fleet.device(spec.name);
}

const listed = ({ name, address, ftpPort }: SimulatedPycom) => ({
  name,
  address,
  port: ftpPort,
  protocol: 'pycom-ftp',
  chip: 'esp32',
});

beforeAll(async () => {
  const healthy = await module('healthy');
  const rejecting = await module('rejecting', { comeback: 'rejected' });
  const announced = await module('announced');
  responder = await MdnsResponder.open({ clock: systemClock, random: Math.random });
  responder.publish({
    service: site.service,
    name: announced.name,
    address: announced.address,
    port: announced.ftpPort,
    txt: {},
    probeEveryMs: 0,
    announcements: { times: 2, everyMs: 1_000 },
    srvTtlSeconds: 120,
  });
  site.configure({
    devices: [listed(healthy), listed(rejecting), { name: announced.name, instance: announced.name, chip: 'esp32' }],
    rules: [
      {
        name: 'modules',
        firmware: { project: 'FiPy' },
        devices: { name: '*' },
        update: { protocol: 'pycom-ftp', 'telnet-port': healthy.telnetPort, retries: 0 },
        verify: { within: '10m' },
      },
    ],
  });
  await site.start();
  site.drop('FiPy-own.bin', FIPY.image());
}, 60_000);

afterAll(async () => {
  await site[Symbol.asyncDispose]();
  await responder?.close();
  await Promise.all(fleets.map((fleet) => fleet.stop()));
});

describe('a rule that says no more than the protocol', () => {
  it('proves by the version that a module says, and tells one that went back long before its time is over', async () => {
    const { jobs } = await site.result('failed', 'FiPy-own.bin');
    const ends = jobs.map(({ name, state, proof, error }) => [name, state, proof, error?.code ?? null]);
    expect(ends.toSorted()).toEqual([
      [site.named('announced'), 'succeeded', 'verified', null],
      [site.named('healthy'), 'succeeded', 'verified', null],
      [site.named('rejecting'), 'failed', 'returned', 'JOB_ROLLED_BACK'],
    ]);
    for (const device of fleets.flatMap((fleet) => fleet.devices)) {
      expect(device.counts).toMatchObject({ violations: [], uploadsFinished: 1, resets: 1 });
    }
  });
});
