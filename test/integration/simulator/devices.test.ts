import { afterEach, describe, expect, it } from 'vitest';
import { sleep, systemClock } from '../../../src/clock.ts';
import { BRISK, type Core } from '../../../src/simulator/cores.ts';
import type { SimulatedDevice } from '../../../src/simulator/device.ts';
import type { DeviceSpec } from '../../../src/simulator/device-spec.ts';
import type { Faults } from '../../../src/simulator/faults.ts';
import { type Fleet, startFleet } from '../../../src/simulator/fleet.ts';
import { expectedResponse, loginFromPassword } from '../../../src/simulator/login.ts';
import { buildEsp32App } from '../../fixtures/images.ts';
import { appImage, eventually, md5Of, TestHost } from './test-host.ts';

const fleets: Fleet[] = [];

afterEach(async () => {
  await Promise.all(fleets.splice(0).map((fleet) => fleet.stop()));
});

async function startDevice(spec: Partial<DeviceSpec> & { core: Core }): Promise<SimulatedDevice> {
  const fleet = await startFleet([{ name: 'dut', mdns: false, ...spec }], { timings: BRISK });
  fleets.push(fleet);
  return fleet.device('dut');
}

const IMAGE = appImage(10_000);
const CORES = ['esp8266', 'esp32-md5', 'esp32-sha256'] as const;

/** Sends the image in one go; everything the device said about it, and how the connection ended. */
async function upload(device: SimulatedDevice, image: Uint8Array, command: 0 | 100 = 0) {
  await using host = await TestHost.open();
  host.invite(device, image, command);
  const connection = await host.connection();
  connection.socket.write(image);
  const ending = await connection.ended();
  return { replies: host.replies, text: connection.text, ending };
}

describe.each(CORES)('a healthy %s', (core) => {
  it('takes an application image, restarts and runs it', async () => {
    const device = await startDevice({ core });
    const { replies, text, ending } = await upload(device, IMAGE);
    expect(replies).toEqual(['OK']);
    expect(text).toMatch(/^[0-9]+OK$/);
    expect(ending).toBe('end');
    await eventually('the restart', () => device.counts.starts === 2);
    expect(device.installed).toMatchObject([{ kind: 'app', sizeBytes: 10_000, md5: md5Of(IMAGE) }]);
    expect(device.running).toBe(device.installed[0]);
    expect(device.counts).toMatchObject({ invitations: 1, uploadsBegun: 1, uploadsFinished: 1, bytesReceived: 10_000 });
  });

  it('takes a filesystem image, and goes on running its application', async () => {
    const device = await startDevice({ core });
    expect((await upload(device, Buffer.alloc(8192, 0xff), 100)).text).toMatch(/OK$/);
    await eventually('the restart', () => device.counts.starts === 2);
    expect(device.installed).toMatchObject([{ kind: 'filesystem', sizeBytes: 8192 }]);
    expect(device.running).toBeNull();
  });

  it('wants its password', async () => {
    const device = await startDevice({ core, password: 'secret' });
    const login = loginFromPassword(core === 'esp32-sha256' ? 'sha256' : 'md5', 'secret');
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    const nonce = (await host.reply(1)).replace('AUTH ', '');
    const cnonce = 'f'.repeat(nonce.length);
    host.send(device, `200 ${cnonce} ${expectedResponse(login, nonce, cnonce)}\n`);
    expect(await host.reply(2)).toBe('OK');
    await host.connection();
  });

  it('refuses a wrong one, and is idle again', async () => {
    const device = await startDevice({ core, password: 'secret' });
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    const wrong = 'f'.repeat((await host.reply(1)).length - 'AUTH '.length);
    host.send(device, `200 ${wrong} ${wrong}\n`);
    expect(await host.reply(2)).toBe('Authentication Failed');
    host.invite(device, IMAGE);
    expect(await host.reply(3)).toMatch(/^AUTH /);
    expect(device.counts).toMatchObject({ invitations: 2, wrongLogins: 1, uploadsBegun: 0 });
  });
});

describe('esp8266', () => {
  it('counts what it read when its input runs dry', async () => {
    const device = await startDevice({ core: 'esp8266' });
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    const connection = await host.connection();
    connection.socket.write(IMAGE.subarray(0, 1460));
    await connection.heard(/^1460$/);
    connection.socket.write(IMAGE.subarray(1460, 1470));
    await connection.heard(/^146010$/);
    connection.socket.write(IMAGE.subarray(1470));
    await connection.heard(/^1460108530OK$/);
  });

  it('refuses what does not fit before it says OK', async () => {
    const device = await startDevice({ core: 'esp8266', appSpaceBytes: 9_999 });
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    expect(await host.reply(1)).toBe('ERR: ERROR[4]: Not Enough Space\n');
    expect(host.connections).toEqual([]);
  });

  it('waits for ever for a host that is silent, and listens again a second after it has closed', async () => {
    const device = await startDevice({ core: 'esp8266', timings: { receiveTimeoutMs: 100 } });
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    const connection = await host.connection();
    connection.socket.write(IMAGE.subarray(0, 5000));
    await connection.heard(/5000/);
    host.invite(device, IMAGE);
    await eventually('the second invitation', () => device.counts.datagrams === 2);
    expect(device.isUpdating).toBe(true);
    connection.socket.end();
    await connection.heard(/^5000ERROR\[0\]: No Error\n$/);
    await eventually('idle', () => !device.isUpdating);
    host.invite(device, IMAGE);
    await host.connection(2);
    expect(device.counts.invitations).toBe(2);
  });
});

describe('esp32', () => {
  it('reads up to 1460 bytes a turn and counts each, the last one together with the result', async () => {
    const device = await startDevice({ core: 'esp32-sha256' });
    const { text } = await upload(device, appImage(1460 * 2 + 7));
    expect(text).toBe('146014607OK');
  });

  it('says OK to what does not fit, and then nothing', async () => {
    const device = await startDevice({ core: 'esp32-md5', appSpaceBytes: 9_999 });
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    expect(await host.reply(1)).toBe('OK');
    await eventually('idle', () => device.counts.uploadsBegun === 1 && !device.isUpdating);
    expect(host.connections).toEqual([]);
  });

  it('keeps six datagrams for later and works them off one by one', async () => {
    const device = await startDevice({ core: 'esp32-md5', timings: { receiveTimeoutMs: 200, loopMs: 5 } });
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    const first = await host.connection(1);
    for (let nth = 0; nth < 8; nth += 1) host.invite(device, IMAGE);
    await eventually('all invitations', () => device.counts.datagrams === 9);
    first.socket.destroy();
    for (let nth = 2; nth <= 7; nth += 1) (await host.connection(nth)).socket.destroy();
    await eventually('idle', () => !device.isUpdating);
    expect(device.counts.invitations).toBe(7);
    expect(host.replies).toEqual(Array(7).fill('OK'));
  });

  it('repeats its last count three times when it is starved, and then hangs up', async () => {
    const device = await startDevice({ core: 'esp32-sha256', timings: { receiveTimeoutMs: 150 } });
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    const connection = await host.connection();
    connection.socket.write(IMAGE.subarray(0, 100));
    expect(await connection.ended()).toBe('end');
    expect(connection.text).toBe('100100100100');
  });

  it('hangs up at once when not even a first byte comes', async () => {
    const device = await startDevice({ core: 'esp32-sha256', timings: { receiveTimeoutMs: 150 } });
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    const connection = await host.connection();
    expect(await connection.ended()).toBe('end');
    expect(connection.text).toBe('');
  });

  it('loses its last words when it has not read everything', async () => {
    const device = await startDevice({ core: 'esp32-sha256' });
    const image = appImage(60_000);
    image[0] = 0x7f;
    const { text, ending } = await upload(device, image);
    expect(text).toMatch(/^[0-9]*$/);
    expect(ending).toBe('ECONNRESET');
  });
});

describe('faults', () => {
  const withFaults = (core: Core, faults: Faults) => startDevice({ core, faults });

  it.each(CORES)('resets, closes or hangs at the given byte (%s)', async (core) => {
    for (const [how, ending] of [
      ['reset', 'ECONNRESET'],
      ['close', 'end'],
    ] as const) {
      const device = await withFaults(core, { transfer: { atByte: 4000, how } });
      expect((await upload(device, IMAGE)).ending).toBe(ending);
      expect(device.counts.bytesReceived).toBe(4000);
      expect(device.installed).toEqual([]);
    }
    const device = await withFaults(core, { transfer: { atByte: 4000, how: 'hang' } });
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    const connection = await host.connection();
    connection.socket.write(IMAGE);
    await eventually('byte 4000', () => device.counts.bytesReceived === 4000);
    connection.socket.destroy();
    await eventually('idle', () => !device.isUpdating);
    expect(device.counts.bytesReceived).toBe(4000);
  });

  it.each(CORES)('takes the image although its OK gets lost (%s)', async (core) => {
    for (const okLost of ['close', 'reset'] as const) {
      const device = await withFaults(core, { okLost });
      expect((await upload(device, IMAGE)).text).not.toMatch(/OK/);
      await eventually('the restart', () => device.counts.starts === 2);
      expect(device.running?.md5).toBe(md5Of(IMAGE));
    }
  });

  it('refuses a checksum of its own making', async () => {
    const esp8266 = await withFaults('esp8266', { wrongChecksum: true });
    expect((await upload(esp8266, IMAGE)).text).toMatch(/^10000ERROR\[7\]: MD5 verification failed: expected: /);
    const esp32 = await withFaults('esp32-md5', { wrongChecksum: true });
    expect((await upload(esp32, IMAGE)).text).toMatch(/[0-9]MD5 Check Failed\r\n$/);
    expect([...esp8266.installed, ...esp32.installed]).toEqual([]);
  });

  it('comes back with the old image, never, elsewhere, or does not restart', async () => {
    const old = await withFaults('esp32-sha256', { comeback: { kind: 'old-image' } });
    await upload(old, IMAGE);
    await eventually('the restart', () => old.counts.starts === 2);
    expect(old.running).toBeNull();
    expect(old.installed).toHaveLength(1);

    const gone = await withFaults('esp32-sha256', { comeback: { kind: 'never' } });
    await upload(gone, IMAGE);
    await eventually('offline', () => !gone.isOnline);

    const moved = await withFaults('esp32-sha256', { comeback: { kind: 'moved', address: '127.0.0.1', port: 0 } });
    await upload(moved, IMAGE);
    await eventually('the restart', () => moved.counts.starts === 2);
    expect(moved.address).toBe('127.0.0.1');
    expect((await upload(moved, IMAGE)).text).toMatch(/OK$/);

    const same = await withFaults('esp32-sha256', { comeback: { kind: 'no-restart' } });
    await upload(same, IMAGE);
    await upload(same, IMAGE);
    expect(same.counts).toMatchObject({ starts: 1, uploadsFinished: 2 });
    expect(gone.isOnline).toBe(false);
  });

  it('crashes again and again, or is gone, with images of one version only, and says which it runs', async () => {
    const [good, bad] = ['1.0.0', '2.0.0'].map((version) => Buffer.from(buildEsp32App({ version })));
    if (good === undefined || bad === undefined) throw new Error('there are two');
    const loops = await withFaults('esp32-md5', { comeback: { kind: 'loops', afterMs: 150 }, badVersion: '2.0.0' });
    await upload(loops, good);
    await eventually('the restart', () => loops.counts.starts === 2);
    expect(loops.running?.version).toBe('1.0.0');
    await upload(loops, bad);
    await eventually('three more starts', () => loops.counts.starts >= 5);

    const gone = await withFaults('esp32-md5', { comeback: { kind: 'vanishes', afterMs: 150 }, badVersion: '2.0.0' });
    await upload(gone, bad);
    await eventually('it vanishes', () => gone.counts.starts === 2 && !gone.isOnline);
    expect(gone.running?.version).toBe('2.0.0');
    gone.powerOn();
    await eventually('it vanishes again', () => gone.counts.starts === 3 && !gone.isOnline);
  });

  it('loses the datagrams it is told to, each way', async () => {
    const device = await startDevice({
      core: 'esp8266',
      password: 'x',
      faults: { loseIncoming: [1], loseOutgoing: [1] },
    });
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    host.invite(device, IMAGE);
    await eventually('two datagrams', () => device.counts.datagrams === 2);
    expect(device.counts.invitations).toBe(1);
    host.invite(device, IMAGE);
    host.invite(device, IMAGE);
    expect(await host.reply(1)).toMatch(/^AUTH /);
    expect(host.replies).toHaveLength(1);
  });

  it('splits and joins its replies', async () => {
    const split = await withFaults('esp32-sha256', { replies: 'split' });
    expect((await upload(split, IMAGE)).text).toMatch(/^(1460){6}1240OK$/);
    const joined = await withFaults('esp32-sha256', { replies: 'joined' });
    expect((await upload(joined, IMAGE)).text).toMatch(/^(1460){6}1240OK$/);
  });

  it('lets a stranger call first', async () => {
    const device = await startDevice({
      core: 'esp8266',
      address: '127.0.0.1',
      port: 0,
      faults: { strangerAddress: '127.0.0.1' },
    });
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    const stranger = await host.connection(1);
    await stranger.heard(/^OK$/);
    await host.connection(2);
  });

  it('talks garbage, and without end', async () => {
    const garbage = await withFaults('esp32-sha256', { udpReply: '\u0000?', chatter: 'woof' });
    await using host = await TestHost.open();
    host.invite(garbage, IMAGE);
    expect(await host.reply(1)).toBe('\u0000?');
    const connection = await host.connection(1);
    connection.socket.write(IMAGE.subarray(0, 10));
    await connection.heard(/^woof/);

    const endless = await withFaults('esp8266', { endlessText: 'x' });
    host.invite(endless, IMAGE);
    const flooded = await host.connection(2);
    await eventually('a megabyte', () => flooded.text.length > 1_000_000);
    flooded.socket.destroy();
    await eventually('idle', () => !endless.isUpdating);
  });

  it('heals after as many uploads as it is told', async () => {
    const device = await withFaults('esp32-sha256', { transfer: { atByte: 1, how: 'reset' }, uploads: 1 });
    expect((await upload(device, IMAGE)).ending).toBe('ECONNRESET');
    expect((await upload(device, IMAGE)).text).toMatch(/OK$/);
  });

  it('does not dial', async () => {
    const device = await startDevice({
      core: 'esp8266',
      timings: { connectTimeoutMs: 50 },
      faults: { noDialBack: true },
    });
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    expect(await host.reply(1)).toBe('OK');
    await eventually('idle', () => device.counts.uploadsBegun === 1 && !device.isUpdating);
    expect(host.connections).toEqual([]);
  });

  it('sleeps and wakes', async () => {
    const device = await startDevice({ core: 'esp32-sha256', faults: { asleep: { awakeMs: 30, everyMs: 60 } } });
    await eventually('asleep', () => !device.isOnline);
    await eventually('awake', () => device.isOnline);
    await eventually('awake again', () => device.counts.starts >= 3);
  });
});

describe('power', () => {
  it('goes without a word: the host hears neither FIN nor RST until the device is back', async () => {
    const device = await startDevice({ core: 'esp8266' });
    await using host = await TestHost.open();
    host.invite(device, IMAGE);
    const connection = await host.connection();
    connection.socket.write(IMAGE.subarray(0, 5000));
    await connection.heard(/5000/);
    device.powerOff();
    host.invite(device, IMAGE);
    connection.socket.write(IMAGE.subarray(5000));
    await sleep(systemClock, 50);
    expect(connection.ending).toBeNull();
    expect(device.counts).toMatchObject({ datagrams: 1, bytesReceived: 5000 });
    device.powerOn();
    expect(await connection.ended()).toMatch(/^(end|ECONNRESET)$/);
    expect((await upload(device, IMAGE)).text).toMatch(/OK$/);
  });
});

describe('link', () => {
  it('delays both ways, and lets no more than a window into flight', async () => {
    const device = await startDevice({ core: 'esp32-sha256', link: { delayMs: 20, windowBytes: 2000 } });
    const startedMs = performance.now();
    const { text } = await upload(device, IMAGE);
    // There: the invitation. There and back: the dial, five windows. The last of them brings the result back.
    expect(performance.now() - startedMs).toBeGreaterThan(20 + 6 * 40 - 30);
    expect(text).toMatch(/OK$/);
    expect(device.installed[0]?.md5).toBe(md5Of(IMAGE));
  });

  it('carries no more than its rate', async () => {
    const device = await startDevice({ core: 'esp32-sha256', link: { bytesPerSecond: 50_000 } });
    const startedMs = performance.now();
    await upload(device, IMAGE);
    expect(performance.now() - startedMs).toBeGreaterThan(80);
  });
});
