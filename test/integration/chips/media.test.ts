import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SerialPort } from 'serialport';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SimulatedBoard } from '../../../src/simulator/chip/board.ts';
import type { ChipEvent } from '../../../src/simulator/chip/chip-spec.ts';
import { BRISK_BOARD } from '../../../src/simulator/chip/chip-timings.ts';
import { type BoardSpec, type ChipsOptions, startChips } from '../../../src/simulator/chip/chips.ts';
import { openPty, ptyPrograms } from '../../../src/simulator/chip/pty-relay.ts';

const SYNC = Buffer.from([0xc0, 0, 8, 36, 0, 0, 0, 0, 0, 7, 7, 0x12, 0x20, ...Array<number>(32).fill(0x55), 0xc0]);
const SYNC_ANSWER = Buffer.from([0xc0, 1, 8, 4, 0, 7, 7, 0x12, 0x20, 0, 0, 0, 0, 0xc0]);
const EIGHT_ANSWERS = 8 * SYNC_ANSWER.length;
const PATIENCE = { timeout: 30_000 };

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(spec: Omit<BoardSpec, 'name' | 'chip'>, options: ChipsOptions = {}): Promise<SimulatedBoard> {
  const chips = await startChips([{ name: 'desk', chip: 'esp32', ...spec }], {
    timings: BRISK_BOARD,
    isPaced: false,
    ...options,
  });
  closers.push(() => chips.stop());
  return chips.board('desk');
}

/** A board that vanishes at its twentieth byte and comes back, and when it has. */
async function startVanishing(medium: 'pty' | 'tcp'): Promise<{ board: SimulatedBoard; isBack: Promise<void> }> {
  const { promise: isBack, resolve } = Promise.withResolvers<void>();
  const onEvent = (_: SimulatedBoard, event: ChipEvent) => {
    if (event === 'came-back') resolve();
  };
  const board = await start({ medium, faults: { vanish: { atByte: 20, forMs: 20 } } }, { onEvent });
  return { board, isBack };
}

function pathOf({ address }: SimulatedBoard): string {
  if (address.kind !== 'pty') throw new Error('no pseudo-terminal');
  return address.path;
}

function portOf({ address }: SimulatedBoard): number {
  if (address.kind !== 'tcp' && address.kind !== 'rfc2217') throw new Error('no TCP port');
  return address.port;
}

/** All that has been heard, as it grows. */
class Ear {
  #chunks: Uint8Array[] = [];

  readonly hear = (bytes: Uint8Array) => {
    this.#chunks.push(bytes);
  };

  get all(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  forget(): void {
    this.#chunks = [];
  }

  async text(wanted: string): Promise<void> {
    await vi.waitFor(() => expect(this.all.toString('latin1')).toContain(wanted), PATIENCE);
  }

  async bytes(count: number): Promise<void> {
    await vi.waitFor(() => expect(this.all.length).toBeGreaterThanOrEqual(count), PATIENCE);
  }
}

async function openSerial(path: string, baudRate = 115_200): Promise<{ port: SerialPort; ear: Ear }> {
  const port = new SerialPort({ path, baudRate, autoOpen: false });
  const ear = new Ear();
  port.on('data', ear.hear);
  port.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => port.open((cause) => (cause ? reject(cause) : resolve())));
  closers.push(() => new Promise((resolve) => (port.isOpen ? port.close(resolve) : resolve(undefined))));
  return { port, ear };
}

async function openSocket(port: number): Promise<{ socket: Socket; ear: Ear }> {
  const socket = connect(port, '127.0.0.1');
  const ear = new Ear();
  socket.on('data', ear.hear);
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  closers.push(() => socket.destroy());
  return { socket, ear };
}

describe.each(['python3', 'socat'] as const)('relay by %s', (program) => {
  it.skipIf(!ptyPrograms().includes(program))(`carries bytes both ways (needs Linux with ${program})`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dropflash-pty-'));
    const path = join(folder, 'tty');
    const opened = Promise.withResolvers<void>();
    const fromHost = new Ear();
    const events = { onOpen: opened.resolve, onBaudRate: () => undefined, onData: fromHost.hear };
    const relay = await openPty(path, events, [program]);
    closers.push(() => relay.close().then(() => rm(folder, { recursive: true })));
    const { port, ear } = await openSerial(path);
    await opened.promise;
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    port.write(every);
    await fromHost.bytes(every.length);
    expect(fromHost.all.equals(every)).toBe(true);
    relay.write(every);
    await ear.bytes(every.length);
    expect(ear.all.equals(every)).toBe(true);
  });
});

it('has no pseudo-terminal without a program that makes one', async () => {
  const events = { onOpen: () => undefined, onBaudRate: () => undefined, onData: () => undefined };
  await expect(openPty('/nowhere', events, [])).rejects.toThrow('python3 or socat');
});

describe.skipIf(!ptyPrograms().includes('python3'))('pseudo-terminal (needs Linux with python3)', () => {
  it('starts in download mode when it is opened, and afresh each time', async () => {
    const board = await start({ medium: 'pty' });
    const first = await openSerial(pathOf(board));
    await first.ear.text('waiting for download');
    first.port.write(SYNC);
    await vi.waitFor(() => expect(first.ear.all.includes(SYNC_ANSWER)).toBe(true), PATIENCE);
    await new Promise((resolve) => first.port.close(resolve));
    // The port must have been closed for a moment, to be noticed.
    await vi.waitFor(async () => {
      const { port } = await openSerial(pathOf(board));
      await vi.waitFor(() => expect(board.counts.starts).toBe(2), 100).finally(() => port.close());
    }, PATIENCE);
  });

  it('sees the rate of the host: a change on one side only is garbage', async () => {
    const board = await start({ medium: 'pty' });
    const { port, ear } = await openSerial(pathOf(board));
    await ear.text('waiting for download');
    ear.forget();
    port.write(SYNC);
    await ear.bytes(EIGHT_ANSWERS);
    await new Promise((resolve) => port.update({ baudRate: 230_400 }, resolve));
    await ear.bytes(EIGHT_ANSWERS);
    ear.forget();
    const { bytesReceived } = board.counts;
    port.write(SYNC);
    await vi.waitFor(() => expect(board.counts.bytesReceived).toBe(bytesReceived + SYNC.length), PATIENCE);
    await new Promise((resolve) => port.update({ baudRate: 115_200 }, resolve));
    port.write(SYNC);
    await ear.bytes(EIGHT_ANSWERS);
    expect(ear.all.length).toBe(EIGHT_ANSWERS);
    expect(board.counts.syncs).toBe(2);
  });

  it('vanishes at a byte, and is back at the same path', async () => {
    const { board, isBack } = await startVanishing('pty');
    const { port, ear } = await openSerial(pathOf(board));
    await ear.text('waiting for download');
    const closed = new Promise<unknown>((resolve) => port.once('close', resolve));
    port.write(SYNC);
    expect(await closed).toMatchObject({ disconnected: true });
    await isBack;
    await (await openSerial(pathOf(board))).ear.text('waiting for download');
  });
});

describe('raw TCP', () => {
  it('starts in download mode at each connection', async () => {
    const board = await start({ medium: 'tcp' });
    const { socket, ear } = await openSocket(portOf(board));
    await ear.text('waiting for download');
    ear.forget();
    socket.write(SYNC);
    await ear.bytes(EIGHT_ANSWERS);
    expect(ear.all.subarray(0, SYNC_ANSWER.length).equals(SYNC_ANSWER)).toBe(true);
  });

  it('is one host at a time', async () => {
    const board = await start({ medium: 'tcp' });
    const first = await openSocket(portOf(board));
    await first.ear.text('waiting for download');
    const second = await openSocket(portOf(board));
    await new Promise((resolve) => second.socket.once('close', resolve));
    first.ear.forget();
    first.socket.write(SYNC);
    await first.ear.bytes(EIGHT_ANSWERS);
    expect(board.counts.starts).toBe(1);
  });

  it('vanishes at a byte, and is back at the same port', async () => {
    const { board, isBack } = await startVanishing('tcp');
    const { socket, ear } = await openSocket(portOf(board));
    await ear.text('waiting for download');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(SYNC);
    await closed;
    await isBack;
    await (await openSocket(portOf(board))).ear.text('waiting for download');
  });
});

describe('RFC 2217', () => {
  const control = (value: number) => Buffer.from([255, 250, 44, 5, value, 255, 240]);
  const [DTR_ON, DTR_OFF, RTS_ON, RTS_OFF] = [control(8), control(9), control(11), control(12)] as const;

  it('resets into the loader by DTR and RTS, and into the application by RTS', async () => {
    const board = await start({ medium: 'rfc2217', timings: { enableRiseMs: 20 } });
    const { socket, ear } = await openSocket(portOf(board));
    socket.write(Buffer.concat([DTR_OFF, RTS_ON, DTR_ON, RTS_OFF]));
    await ear.text('waiting for download');
    ear.forget();
    socket.write(SYNC);
    await vi.waitFor(() => expect(ear.all.includes(SYNC_ANSWER)).toBe(true), PATIENCE);
    ear.forget();
    socket.write(Buffer.concat([DTR_OFF, RTS_ON, RTS_OFF]));
    await ear.text('boot:0x13 (SPI_FAST_FLASH_BOOT)');
  });
});

describe('pacing', () => {
  it('carries as many bytes a second as the baud rate has tens of bits', async () => {
    const board = await start({ medium: 'tcp' }, { isPaced: true });
    const { socket, ear } = await openSocket(portOf(board));
    await ear.text('waiting for download');
    ear.forget();
    const began = performance.now();
    socket.write(SYNC);
    await ear.bytes(EIGHT_ANSWERS);
    // 46 bytes there and 8 answers of 14 back, at 115200 baud; no less.
    expect(performance.now() - began).toBeGreaterThan(((46 + EIGHT_ANSWERS) * 10_000) / 115_200 - 2);
  });
});

describe('fleet', () => {
  it('knows its boards by name, and stops twice', async () => {
    const chips = await startChips([
      { name: 'one', chip: 'esp32c3', mac: '24:0a:c4:00:00:01' },
      { name: 'two', chip: 'esp8266', medium: 'tcp', flash: Uint8Array.of(0xe9) },
    ]);
    expect(chips.board('one').mac).toBe('24:0a:c4:00:00:01');
    expect(chips.board('two').flash[0]).toBe(0xe9);
    expect(() => chips.board('three')).toThrow('three');
    await chips.stop();
    await chips.stop();
  });

  it('unplugged until somebody plugs it in', async () => {
    const board = await start({ medium: 'tcp', plugged: 'off' });
    await board.plug();
    const { ear } = await openSocket(portOf(board));
    await ear.text('waiting for download');
  });

  it.each([
    [{ chip: 'esp32e22' as const }, 'no simulated esp32e22'],
    [{ mac: 'abc' }, 'no MAC address'],
    [{ flashBytes: 3_000_000 }, 'no size of a flash chip'],
    [{ flash: new Uint8Array(5 << 20) }, 'do not fit'],
  ])('refuses %j', async (spec, problem) => {
    await expect(startChips([{ name: 'x', chip: 'esp32', ...spec }])).rejects.toThrow(problem);
  });
});
