import { afterEach, describe, expect, it, vi } from 'vitest';
import { FlashError } from '../../../../src/errors.ts';
import type { LineSettings } from '../../../../src/model/rule.ts';
import { aLineRule, aPlug, GivenLine } from './given-line.ts';

const MAC = '10:00:00:00:00:01';
const OTHER_MAC = '10:00:00:00:00:02';
/** Waited for at most, on a machine with other work. */
const WITHIN_MS = 30_000;
const NO_LINE: LineSettings = { again: 'skip', bootCheck: null, unitData: null };

let given: GivenLine | undefined;

function givenLine(settings: Partial<LineSettings> = {}): GivenLine {
  given = new GivenLine([aLineRule({ line: { ...NO_LINE, ...settings } })]);
  return given;
}

afterEach(async () => {
  await given?.close();
  expect(given?.fatal ?? []).toEqual([]);
  given = undefined;
});

/** Waits until so many runs have ended, and returns the states of all in order. */
async function runsEnded(line: GivenLine, count: number): Promise<string[]> {
  await vi.waitFor(() => expect(line.units().filter(({ endedMs }) => endedMs !== null)).toHaveLength(count), WITHIN_MS);
  return line.units().map(({ state }) => state);
}

function swap(line: GivenLine, socket: string): void {
  line.line.detached(`usb:${socket}`);
  line.line.attached(aPlug(socket));
}

describe('a board that is plugged in', () => {
  it('is written, restarted and recorded', async () => {
    const line = givenLine();
    const release = line.release('fw-1');
    line.bench.put('/dev/tty-1-1', { mac: MAC });
    line.line.attached(aPlug('1-1'));
    expect(await runsEnded(line, 1)).toEqual(['succeeded']);
    const board = line.bench.board(MAC);
    expect(board?.flash.subarray(0x10000, 0x10004).toString()).toBe('fw-1');
    expect(board?.restarts).toBe(1);
    await vi.waitFor(() => expect(board?.isOpen).toBe(false), WITHIN_MS);
    const [unit] = line.units();
    expect(unit).toMatchObject({
      slot: 'usb:1-1',
      port: '/dev/tty-1-1',
      rule: 'line',
      release,
      board: { mac: MAC, chip: 'esp32c3', flashId: 'ef4016' },
      baudRate: 921_600,
      error: null,
    });
    expect(unit?.images).toMatchObject([{ name: 'fw-1.bin', offset: 0x10000, sizeBytes: 4 }]);
    expect(Object.keys(unit?.steps ?? {})).toEqual(['connect', 'write', 'restart']);
    const told = line.journal.audit.pending(100).filter(({ event }) => event.startsWith('unit.'));
    expect(told.map(({ event }) => event)).toEqual(['unit.begin', 'unit.write', 'unit.start', 'unit.succeed']);
    expect(told.at(-1)?.fields).toMatchObject({
      unit: unit?.id,
      device: 'usb:1-1',
      mac: MAC,
      images: [{ offset: 0x10000 }],
    });
  });

  it('waits for a release, and starts at once when there is one', async () => {
    const line = givenLine();
    line.bench.put('/dev/tty-1-1', { mac: MAC });
    line.line.attached(aPlug('1-1'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(line.units()).toEqual([]);
    line.release('fw-1');
    expect(await runsEnded(line, 1)).toEqual(['succeeded']);
  });

  it('gets a newer release without being unplugged, and not one for another chip', async () => {
    const line = givenLine();
    line.release('fw-1');
    line.bench.put('/dev/tty-1-1', { mac: MAC });
    line.line.attached(aPlug('1-1'));
    await runsEnded(line, 1);
    line.release('other', { chip: 'esp32' });
    line.release('fw-2');
    expect(await runsEnded(line, 2)).toEqual(['succeeded', 'succeeded']);
    expect(line.units().map(({ release }) => release)).toEqual(['r-fw-1', 'r-fw-2']);
  });

  it('has its port for itself from the first byte to the last, and tells others when it is free', async () => {
    const line = givenLine();
    line.release('fw-1');
    const { promise: writing, resolve: letGo } = Promise.withResolvers<void>();
    let isWriting = false;
    const onWrite = () => {
      isWriting = true;
      return writing;
    };
    line.bench.put('/dev/tty-1-1', { mac: MAC, onWrite });
    expect(line.line.isRunningOn('usb:1-1')).toBe(false);
    line.line.attached(aPlug('1-1'));
    await vi.waitFor(() => expect(isWriting).toBe(true), WITHIN_MS);
    expect([line.line.isRunningOn('usb:1-1'), line.line.isRunningOn('usb:1-2'), line.freedPorts]).toEqual([
      true,
      false,
      0,
    ]);
    letGo();
    await vi.waitFor(() => expect(line.freedPorts).toBe(1), WITHIN_MS);
    expect([line.line.isRunningOn('usb:1-1'), line.bench.board(MAC)?.isOpen]).toEqual([false, false]);
  });

  it('waits while somebody else is at work on its port', async () => {
    const line = givenLine();
    line.release('fw-1');
    line.takenPorts.add('usb:1-1');
    line.bench.put('/dev/tty-1-1', { mac: MAC });
    line.line.attached(aPlug('1-1'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(line.units()).toEqual([]);
    line.takenPorts.clear();
    line.line.wake();
    expect(await runsEnded(line, 1)).toEqual(['succeeded']);
  });

  it('is left alone after its run until it is unplugged, failed or not', async () => {
    const line = givenLine({ again: 'again' });
    line.release('fw-1');
    line.bench.put('/dev/tty-1-1', { mac: MAC, fails: { at: 'write', error: new FlashError('LINK_CLOSED', 'gone') } });
    line.line.attached(aPlug('1-1'));
    expect(await runsEnded(line, 1)).toEqual(['failed']);
    line.line.attached(aPlug('1-1'));
    line.line.wake();
    line.bench.put('/dev/tty-1-1', { mac: MAC });
    swap(line, '1-1');
    expect(await runsEnded(line, 2)).toEqual(['failed', 'succeeded']);
    expect(line.units()[0]?.error).toMatchObject({ code: 'LINK_CLOSED', step: 'write' });
  });

  it('of a chip that nothing is released for is told so, and not written', async () => {
    const line = givenLine();
    line.release('fw-1', { chip: 'esp32' });
    line.bench.put('/dev/tty-1-1', { mac: MAC });
    line.line.attached(aPlug('1-1'));
    expect(await runsEnded(line, 1)).toEqual(['failed']);
    expect(line.units()[0]?.error?.code).toBe('LINE_NO_RELEASE');
    expect(line.bench.board(MAC)?.written).toEqual([]);
  });

  it('gets application and filesystem in one go, and over an image of the whole flash only what is newer', async () => {
    const line = givenLine();
    line.release('old-app');
    line.release('fs', { kind: 'filesystem' });
    line.bench.put('/dev/tty-1-1', { mac: MAC });
    line.line.attached(aPlug('1-1'));
    await runsEnded(line, 1);
    expect(line.bench.board(MAC)?.written).toEqual(['old-app.bin', 'fs.bin']);
    line.release('whole', { kind: 'merged' });
    line.release('new-app');
    swap(line, '1-1');
    await runsEnded(line, 2);
    expect(line.bench.board(MAC)?.written).toEqual(['whole.bin', 'new-app.bin']);
    expect(line.units()[1]?.images.map(({ name, offset }) => [name, offset])).toEqual([
      ['whole.bin', 0],
      ['new-app.bin', 0x10000],
    ]);
  });

  it('is backed up before it is written where the rule says so', async () => {
    given = new GivenLine([aLineRule({ backup: { keep: 2 } })]);
    given.release('fw-1');
    given.bench.put('/dev/tty-1-1', { mac: MAC });
    given.line.attached(aPlug('1-1'));
    expect(await runsEnded(given, 1)).toEqual(['succeeded']);
    expect(given.units()[0]?.backup).toContain('10-00-00-00-00-01');
  });
});

describe('the same board again', () => {
  async function twice(again: LineSettings['again']) {
    const line = givenLine({ again });
    line.release('fw-1');
    line.bench.put('/dev/tty-1-1', { mac: MAC });
    line.line.attached(aPlug('1-1'));
    await runsEnded(line, 1);
    swap(line, '1-1');
    return { line, states: await runsEnded(line, 2) };
  }

  it('is skipped, and started', async () => {
    const { line, states } = await twice('skip');
    expect(states).toEqual(['succeeded', 'skipped']);
    expect(line.bench.board(MAC)).toMatchObject({ written: [], restarts: 1 });
  });

  it('is written again', async () => {
    const { line, states } = await twice('again');
    expect(states).toEqual(['succeeded', 'succeeded']);
    expect(line.bench.board(MAC)?.written).toHaveLength(1);
  });

  it('is refused, with the run that it had', async () => {
    const { line, states } = await twice('refuse');
    expect(states).toEqual(['succeeded', 'refused']);
    expect(line.bench.board(MAC)?.written).toEqual([]);
    const [first, second] = line.units();
    expect(second?.error?.code).toBe('LINE_BOARD_AGAIN');
    expect(second?.error?.message).toContain(first?.id);
  });

  it('that is the USB device itself and left the bus with our restart is not a new one', async () => {
    const line = givenLine({ again: 'again' });
    line.release('fw-1');
    const usb = { vendorId: 0x303a, productId: 0x1001, serialNumber: MAC, location: '1-1' };
    const plug = aPlug('1-1', { serial: { path: '/dev/ttyACM0', usb } });
    line.bench.put('/dev/ttyACM0', { mac: MAC });
    line.line.attached(plug);
    await runsEnded(line, 1);
    line.line.detached('usb:1-1');
    line.line.attached(plug);
    line.bench.put('/dev/ttyACM0', { mac: OTHER_MAC });
    line.line.detached('usb:1-1');
    line.line.attached(aPlug('1-1', { serial: { path: '/dev/ttyACM0', usb: { ...usb, serialNumber: OTHER_MAC } } }));
    await runsEnded(line, 2);
    expect(line.units().map(({ board }) => board?.mac)).toEqual([MAC, OTHER_MAC]);
  });
});

describe('many ports', () => {
  it('work at once: sixteen, and the seventeenth when one is done', async () => {
    const line = givenLine();
    line.release('fw-1');
    const all = Promise.withResolvers<void>();
    let writing = 0;
    for (let port = 1; port <= 17; port += 1) {
      const onWrite = () => {
        writing += 1;
        if (writing === 16) all.resolve();
        return all.promise;
      };
      line.bench.put(`/dev/tty-${port}`, { mac: `10:00:00:00:00:${port.toString(16).padStart(2, '0')}`, onWrite });
      line.line.attached(aPlug(`${port}`));
    }
    await all.promise;
    expect(line.line.runningCount).toBe(16);
    expect(await runsEnded(line, 17)).toEqual(Array.from({ length: 17 }, () => 'succeeded'));
  });

  it.each(['connect', 'write', 'restart'] as const)('go on beside one that hangs at %s', async (hangsAt) => {
    const line = givenLine();
    line.release('fw-1');
    line.bench.put('/dev/tty-1', { mac: MAC, hangsAt });
    line.line.attached(aPlug('1'));
    for (const [port, mac] of [
      ['2', OTHER_MAC],
      ['3', '10:00:00:00:00:03'],
    ] as const) {
      line.bench.put(`/dev/tty-${port}`, { mac });
      line.line.attached(aPlug(port));
    }
    await runsEnded(line, 2);
    await line.line.stop();
    expect(line.units().map(({ state }) => state)).toEqual(['interrupted', 'succeeded', 'succeeded']);
    expect(line.units()[0]?.error?.code).toBe('LINE_INTERRUPTED');
  });
});

describe('the boot check', () => {
  const bootCheck = { expect: '^ready v\\d', reject: 'Guru Meditation', baudRate: 115_200, withinMs: 150 };

  async function boot(prints: readonly string[], check: Partial<typeof bootCheck> | { expect: null } = {}) {
    const line = givenLine({ bootCheck: { ...bootCheck, ...check } });
    line.release('fw-1');
    line.bench.put('/dev/tty-1', { mac: MAC, prints });
    line.line.attached(aPlug('1'));
    await runsEnded(line, 1);
    return line.units()[0];
  }

  it('passes when what is expected appears, over the borders of reads', async () => {
    const unit = await boot(['ets Jul 29\r\nre', 'ady v2\r\n']);
    expect(unit).toMatchObject({ state: 'succeeded', logExcerpt: 'ets Jul 29\nready v2\n' });
  });

  it('fails when what is rejected appears, and keeps the text', async () => {
    const unit = await boot(['Guru Meditation Error\r\nready v2\r\n']);
    expect(unit).toMatchObject({ state: 'failed', error: { code: 'LINE_BOOT_REJECTED', step: 'boot-check' } });
    expect(unit?.logExcerpt).toContain('Guru Meditation Error');
  });

  it('fails when the time is over', async () => {
    expect(await boot(['rst:0x1\r\n'])).toMatchObject({ state: 'failed', error: { code: 'LINE_BOOT_MISSING' } });
  });

  it('passes when nothing is expected and nothing bad appears', async () => {
    expect(await boot(['rst:0x1\r\n'], { expect: null })).toMatchObject({ state: 'succeeded' });
  });
});
