import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { readDossier } from '../../../src/firmware/dossier.ts';
import { silentLogger } from '../../../src/log.ts';
import type { FirmwareImage } from '../../../src/model/image.ts';
import type { Step } from '../../../src/model/job.ts';
import { pycomFtp } from '../../../src/protocols/pycom-ftp/index.ts';
import type { SimulatedPycom } from '../../../src/simulator/pycom/pycom-device.ts';
import { type PycomFleet, startPycoms } from '../../../src/simulator/pycom/pycom-fleet.ts';
import { BRISK_PYCOM, type PycomFaults } from '../../../src/simulator/pycom/pycom-spec.ts';
import { createNodeLinks } from '../../../src/transports/node-links.ts';
import { aDevice } from '../../fixtures/records.ts';
import { type Module, moduleOf } from './modules.ts';

const OLD = moduleOf('LoPy, 1.17.1');
const NEW = moduleOf('FiPy, 1.20.2');

let fleet: PycomFleet | null = null;

afterEach(async () => {
  await fleet?.stop();
  fleet = null;
});

async function start(module: Module, faults: PycomFaults = {}): Promise<SimulatedPycom> {
  fleet = await startPycoms([{ ...module.spec, name: 'module', faults }], { timings: BRISK_PYCOM });
  return fleet.device('module');
}

function stored(bytes: Uint8Array): FirmwareImage {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { bytes, name: 'app.bin', sha256, sizeBytes: bytes.length, dossier: readDossier(bytes, 'app.bin') };
}

interface Given {
  readonly signal?: AbortSignal;
  readonly onProgress?: (sentBytes: number) => void;
}

/** One attempt: the proof, or the code of its error, with the steps on the way. */
async function attempt(device: SimulatedPycom, bytes: Uint8Array, { signal, onProgress }: Given = {}) {
  const steps: Step[] = [];
  const request = {
    image: stored(bytes),
    device: aDevice({ address: device.address, port: device.ftpPort, chip: null }),
    options: { 'telnet-port': device.telnetPort, 'greeting-within': 500, 'wait-if-busy': 20_000 },
    attempt: 1,
    links: createNodeLinks(systemClock, silentLogger),
    clock: systemClock,
    log: silentLogger,
    observer: { onStep: (step: Step) => void steps.push(step), onProgress: onProgress ?? (() => undefined) },
  };
  const word = await pycomFtp.flash(request, signal ?? new AbortController().signal).then(
    ({ proof }) => proof,
    (error: unknown) => (error instanceof Error && 'code' in error ? `${error.code}` : error),
  );
  return { word, steps };
}

/** Somebody else's session, greeted. */
async function hold(address: string, port: number) {
  const socket = connect({ host: address, port });
  await once(socket, 'data');
  return socket;
}

describe('a device that is busy', () => {
  it.each(['ftp', 'telnet'] as const)('with another %s session is waited for', async (server) => {
    const device = await start(NEW);
    const other = await hold(device.address, server === 'ftp' ? device.ftpPort : device.telnetPort);
    const flashing = attempt(device, NEW.image());
    // Beyond the time in which a free one would have greeted.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(device.counts.uploadsBegun).toBe(0);
    other.end();
    expect((await flashing).word).toBe('accepted');
    expect(device.counts.violations).toEqual([]);
  });

  it('is left when nobody wants to wait any more', async () => {
    const device = await start(NEW, { busy: 'ftp' });
    const stop = new AbortController();
    const reason = new Error('no more');
    const flashing = attempt(device, NEW.image(), { signal: stop.signal });
    await expect.poll(() => device.counts.telnetSessions).toBe(1);
    stop.abort(reason);
    expect((await flashing).word).toBe(reason);
  });
});

describe('a broken upload', () => {
  const CUT: PycomFaults = { upload: { atByte: 10_000, how: 'ends', uploads: 1 } };

  it('is made good by the next, where the boot loader looks at the image alone', async () => {
    const device = await start(NEW, CUT);
    expect((await attempt(device, NEW.image())).word).toBe('PYCOM_UPLOAD_BROKEN');
    expect(device.counts.resets).toBe(0);
    expect((await attempt(device, NEW.image())).word).toBe('accepted');
    await expect.poll(() => device.installed.length).toBe(1);
  });

  it('needs a person where the firmware keeps its length', async () => {
    const device = await start(OLD, CUT);
    const first = await attempt(device, OLD.image());
    expect(first).toEqual({ word: 'PYCOM_POWER_CYCLE', steps: ['prepare', 'write', 'commit'] });
    expect([device.counts.resets, device.isMarked]).toEqual([0, true]);
    await device.powerCycle();
    expect(device.installed).toEqual([]);
    expect((await attempt(device, OLD.image())).word).toBe('accepted');
    await expect.poll(() => device.installed.length).toBe(1);
  });
});

describe('an abort', () => {
  const reason = new Error('no more');

  it('ends an attempt in the middle, and no reset follows', async () => {
    const device = await start(NEW);
    const stop = new AbortController();
    const { word, steps } = await attempt(device, NEW.image(300_000), {
      signal: stop.signal,
      onProgress: (sentBytes) => sentBytes > 100_000 && stop.abort(reason),
    });
    expect([word, steps]).toEqual([reason, ['prepare', 'write']]);
    expect([device.counts.resets, device.installed]).toEqual([0, []]);
  });

  it('is too late once the upload may not be repeated', async () => {
    const device = await start(OLD);
    const stop = new AbortController();
    const { word, steps } = await attempt(device, OLD.image(300_000), {
      signal: stop.signal,
      onProgress: (sentBytes) => sentBytes > 100_000 && stop.abort(reason),
    });
    expect([word, steps]).toEqual(['accepted', ['prepare', 'write', 'commit']]);
  });

  it('is too late from commit on: the result counts', async () => {
    const bytes = NEW.image();
    for (const [faults, end] of [
      [{}, 'accepted'],
      [{ upload: { atByte: bytes.length - 1, how: 'resets' } }, 'PYCOM_UPLOAD_BROKEN'],
    ] as const) {
      const device = await start(NEW, faults);
      const stop = new AbortController();
      const { word } = await attempt(device, bytes, {
        signal: stop.signal,
        onProgress: (sentBytes) => sentBytes === bytes.length && stop.abort(reason),
      });
      expect(word).toBe(end);
      await fleet?.stop();
    }
  });

  it('before the beginning leaves the device alone', async () => {
    const device = await start(NEW);
    await expect(attempt(device, NEW.image(), { signal: AbortSignal.abort(reason) })).resolves.toMatchObject({
      word: reason,
    });
    expect(device.counts).toMatchObject({ ftpSessions: 0, telnetSessions: 0 });
  });
});

describe('an upload', () => {
  it('goes on in the pace of the device, and says how far it is', async () => {
    fleet = await startPycoms([{ ...NEW.spec, name: 'module' }], { timings: { ...BRISK_PYCOM, turnMs: 4 } });
    const device = fleet.device('module');
    const progress: number[] = [];
    const bytes = NEW.image(200_000);
    const { word } = await attempt(device, bytes, { onProgress: (sentBytes) => progress.push(sentBytes) });
    expect(word).toBe('accepted');
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBe(bytes.length);
    await expect.poll(() => device.installed.length).toBe(1);
  });
});
