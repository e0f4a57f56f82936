import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../../src/clock.ts';
import { silentLogger } from '../../../../src/log.ts';
import { AtDialog } from '../../../../src/protocols/espat-serial/dialog.ts';
import { findSpeed } from '../../../../src/protocols/espat-serial/speed.ts';
import type { SerialLink } from '../../../../src/transports/links.ts';

interface Module {
  readonly baudRate: number;
  /** Until then it hears nothing. */
  readonly fromMs?: number;
  readonly answersAfterMs?: number;
  /** What it does not hear at first. */
  readonly missedCommands?: number;
  /** Says this to what is sent at another rate. */
  readonly noise?: string;
}

/** A line in a time of its own: waiting takes none of the test's. */
function lineTo(module: Module | null) {
  let nowMs = 0;
  let hostBaud = 115_200;
  let arriving: { atMs: number; text: string }[] = [];
  let missed = 0;
  const asked: number[] = [];
  const write = (bytes: Uint8Array) => {
    asked.push(hostBaud);
    if (module === null || nowMs < (module.fromMs ?? 0)) return;
    if (hostBaud !== module.baudRate) {
      if (module.noise !== undefined) arriving.push({ atMs: nowMs + 1, text: module.noise });
      return;
    }
    missed += 1;
    if (missed <= (module.missedCommands ?? 0)) return;
    const echo = Buffer.from(bytes).toString('latin1').replace('\n', '');
    arriving.push({ atMs: nowMs + (module.answersAfterMs ?? 5), text: `${echo}\r\nOK\r\n` });
  };
  const link: SerialLink = {
    path: '/dev/ttyUSB0',
    hasBaudRate: true,
    write: async (bytes) => write(bytes),
    read: async (withinMs) => {
      const [next] = arriving;
      if (next === undefined || next.atMs > nowMs + withinMs) {
        nowMs += withinMs;
        return null;
      }
      nowMs = Math.max(nowMs, next.atMs);
      arriving.shift();
      return Buffer.from(hostBaud === module?.baudRate ? next.text : '\xf8\xfe', 'latin1');
    },
    setLines: async () => true,
    setBaudRate: async (baudRate) => {
      hostBaud = baudRate;
    },
    discardInput: () => {
      arriving = arriving.filter(({ atMs }) => atMs > nowMs);
    },
    close: async () => undefined,
  };
  const clock: Clock = { now: () => nowMs, monotonic: () => nowMs, setTimer: () => ({ cancel: () => undefined }) };
  const dialog = new AtDialog(link, clock, silentLogger, new AbortController().signal);
  return { dialog, asked, elapsedMs: () => nowMs };
}

describe('finding the rate of an AT module', () => {
  it('gives a line without a byte up within eight seconds, having asked at every rate', async () => {
    const { dialog, asked, elapsedMs } = lineTo(null);
    expect(await findSpeed(dialog, null)).toEqual({ found: false, trouble: null, isSilent: true });
    expect(elapsedMs()).toBeLessThanOrEqual(8_000);
    expect(new Set(asked).size).toBe(9);
  });

  it.each<[string, Module]>([
    ['at once', { baudRate: 115_200 }],
    ['at the rate of the first modules', { baudRate: 9_600 }],
    ['at the last rate', { baudRate: 921_600 }],
    ['after almost a second', { baudRate: 115_200, answersAfterMs: 900 }],
    ['only after a start of four seconds that nothing is seen of', { baudRate: 9_600, fromMs: 4_000 }],
    ['only to the second question', { baudRate: 115_200, missedCommands: 1 }],
    ['with noise to what is sent at other rates, late', { baudRate: 460_800, fromMs: 4_000, noise: '\xfe' }],
    ['with noise, to the third question', { baudRate: 38_400, missedCommands: 2, noise: '\xfe\xf8' }],
  ])('finds one that answers %s', async (_how, module) => {
    expect(await findSpeed(lineTo(module).dialog, null)).toEqual({ found: true, baudRate: module.baudRate });
  });

  it('keeps asking where a module is known to be, even in silence', async () => {
    const late = { baudRate: 460_800, fromMs: 12_000 };
    expect(await findSpeed(lineTo(late).dialog, null, 460_800)).toMatchObject({ found: false });
    const inTime = { baudRate: 460_800, fromMs: 6_500 };
    expect(await findSpeed(lineTo(inTime).dialog, null, 460_800)).toEqual({ found: true, baudRate: 460_800 });
  });

  it('tells noise from silence', async () => {
    const { dialog, elapsedMs } = lineTo({ baudRate: 1_200, noise: '\xfe' });
    expect(await findSpeed(dialog, null)).toEqual({ found: false, trouble: null, isSilent: false });
    expect(elapsedMs()).toBeLessThanOrEqual(20_000);
  });

  it('asks at one rate only where that is given', async () => {
    const { dialog, asked } = lineTo({ baudRate: 9_600 });
    expect(await findSpeed(dialog, 57_600)).toMatchObject({ found: false });
    expect(new Set(asked)).toEqual(new Set([57_600]));
  });
});
