import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { systemClock } from '../../../src/clock.ts';
import { openSerial, systemBinding } from '../../../src/transports/open-serial.ts';
import { portHolders } from '../../../src/transports/port-holder.ts';
import { openSerialPort } from '../../../src/transports/serial.ts';
import { MemoryBinding } from './serial-binding.ts';

/** Time passes a hundred times as fast, so that deadlines of seconds can be awaited. */
const fastClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * 100,
  setTimer: (delayMs, callback) => systemClock.setTimer(delayMs / 100, callback),
};

const never = () => new Promise<never>(() => undefined);
const failing = (text: string) => () => Promise.reject(new Error(text));

let binding: MemoryBinding;
beforeEach(() => {
  binding = new MemoryBinding();
});

function open(clock = systemClock) {
  return openSerialPort({ path: '/dev/ttyTEST', baudRate: 115_200 }, binding, clock);
}

describe('opening a port', () => {
  it('locks it, and leaves its lines alone when it is closed', async () => {
    await open();
    expect(binding.opened).toEqual([{ path: '/dev/ttyTEST', baudRate: 115_200, lock: true, hupcl: false }]);
  });

  it.each([
    ['Error: No such file or directory, cannot open /dev/ttyTEST', 'SERIAL_PORT_NOT_FOUND'],
    ['Opening COM9: File not found', 'SERIAL_PORT_NOT_FOUND'],
    ['Error: Permission denied, cannot open /dev/ttyTEST', 'SERIAL_PORT_DENIED'],
    ['Error Resource temporarily unavailable Cannot lock port', 'SERIAL_PORT_BUSY'],
    ['Opening COM3: Access denied', 'SERIAL_PORT_BUSY'],
    ['Error: Inappropriate ioctl for device, cannot open /dev/null', 'SERIAL_PORT_FAILED'],
  ])('%s is %s', async (text, code) => {
    binding.trouble.open = failing(text);
    await expect(open()).rejects.toMatchObject({ code, message: expect.stringContaining('/dev/ttyTEST') });
  });

  it('gives up on a driver that does not answer', async () => {
    binding.trouble.open = never;
    await expect(open(fastClock)).rejects.toMatchObject({ code: 'SERIAL_PORT_STUCK' });
  });
});

describe('an open port', () => {
  it('reads what arrives, in one piece, and null when nothing does', async () => {
    const link = await open();
    binding.say(Uint8Array.of(1, 2));
    expect(await link.read(1_000)).toEqual(Buffer.of(1, 2));
    expect(await link.read(10)).toBeNull();
  });

  it('forgets what arrived and was not read', async () => {
    const link = await open();
    binding.say(Uint8Array.of(1));
    await new Promise(setImmediate);
    link.discardInput();
    binding.say(Uint8Array.of(2));
    expect(await link.read(1_000)).toEqual(Buffer.of(2));
  });

  it('always sets both lines', async () => {
    const link = await open();
    expect(await link.setLines({ dtr: false, rts: true })).toBe(true);
    expect(binding.lines).toEqual([{ dtr: false, rts: true }]);
  });

  it('says when it has no lines', async () => {
    const link = await open();
    binding.trouble.set = failing('Error: Inappropriate ioctl for device, cannot set');
    expect(await link.setLines({ dtr: false, rts: true })).toBe(false);
  });

  it('says which rate it refuses', async () => {
    const link = await open();
    binding.trouble.update = failing('Error: Invalid argument');
    await expect(link.setBaudRate(3_000_000)).rejects.toMatchObject({ code: 'SERIAL_BAUD_REFUSED' });
  });

  it.each([
    ['a read', (link: Awaited<ReturnType<typeof open>>) => link.read(5_000)],
    ['a write', (link: Awaited<ReturnType<typeof open>>) => link.write(Uint8Array.of(1))],
    ['a change of lines', (link: Awaited<ReturnType<typeof open>>) => link.setLines({ dtr: true, rts: false })],
  ])('fails %s once the device is gone', async (_what, use) => {
    const link = await open();
    binding.lose(new Error('EIO: i/o error, read'));
    await new Promise(setImmediate);
    await expect(use(link)).rejects.toMatchObject({ code: 'SERIAL_PORT_LOST' });
  });

  it('waits for no call for ever', async () => {
    const link = await open(fastClock);
    binding.trouble.write = never;
    await expect(link.write(Uint8Array.of(1))).rejects.toMatchObject({ code: 'SERIAL_PORT_STUCK' });
    binding.trouble.close = never;
    await link.close();
  });

  it('can be closed twice, and while it is read', async () => {
    const link = await open();
    const reading = expect(link.read(5_000)).rejects.toMatchObject({ code: 'SERIAL_PORT_LOST' });
    await Promise.all([link.close(), link.close()]);
    await reading;
    expect(binding.isClosed).toBe(true);
  });
});

describe('the real binding', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dropflash-port-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('has words that are understood for what is no port', async () => {
    const path = join(folder, 'ttyNONE');
    const opening = openSerial({ path, baudRate: 115_200 }, systemBinding, systemClock);
    await expect(opening).rejects.toMatchObject({ code: 'SERIAL_PORT_NOT_FOUND' });
  });

  it.runIf(process.platform === 'linux')('names the program that holds a port', async () => {
    const path = join(folder, 'port');
    const link = join(folder, 'by-id');
    await writeFile(path, '');
    await symlink(path, link);
    const child = spawn('sh', ['-c', `exec 3<>"${path}"; echo ready; exec sleep 60`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      await once(child.stdout, 'data');
      // The shell becomes sleep after it has said so.
      await expect.poll(() => portHolders(link)).toEqual([{ pid: child.pid, program: 'sleep' }]);
    } finally {
      child.kill();
    }
  });
});
