import { type Clock, sleep } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { ControlLines, SerialLink } from './links.ts';

/**
 * One move of a reset sequence. "On" is asserted, which is low on the wire. With the usual two transistors DTR alone pulls the boot pin
 * (IO0, GPIO9) low, RTS alone pulls EN (RST) low, both or neither do nothing.
 */
export type ResetStep = ControlLines | { readonly waitMs: number };

/** The steps of a reset, in their order. */
export type ResetSequence = readonly ResetStep[];

const IDLE: ControlLines = { dtr: false, rts: false };
const BOTH: ControlLines = { dtr: true, rts: true };
/** Chip held in reset. */
const IN_RESET: ControlLines = { dtr: false, rts: true };
/** Boot pin held low. */
const BOOT_HELD: ControlLines = { dtr: true, rts: false };

/** How long BOOT stays low after the reset: boards with a large capacitor at EN start late. */
const SHORT_HOLD_MS = 50;
const LONG_HOLD_MS = 550;

const classic = (holdMs: number): ResetSequence => [IN_RESET, { waitMs: 100 }, BOOT_HELD, { waitMs: holdMs }, IDLE];

/** Through "both", so that no moment has BOOT released and EN released: for boards without a capacitor at EN. */
const tight = (holdMs: number): ResetSequence => [
  IDLE,
  BOTH,
  IN_RESET,
  { waitMs: 100 },
  BOOT_HELD,
  { waitMs: holdMs },
  IDLE,
];

/** Into download mode (esptool documentation, "Boot Mode Selection"), and back to the application. */
export const RESET_SEQUENCES = {
  tight: tight(SHORT_HOLD_MS),
  classic: classic(SHORT_HOLD_MS),
  'tight-long': tight(LONG_HOLD_MS),
  'classic-long': classic(LONG_HOLD_MS),
  /** The lines of the USB-Serial/JTAG block exist inside the chip only; it takes them one at a time, never by way of "neither". */
  'usb-jtag': [IDLE, { waitMs: 100 }, BOOT_HELD, { waitMs: 100 }, BOTH, IN_RESET, { waitMs: 100 }, IDLE],
  /** Runs the application. */
  hard: [IN_RESET, { waitMs: 100 }, IDLE],
  /** The same for chips that are themselves the USB device: slower, and the port goes away meanwhile. */
  'hard-usb': [IN_RESET, { waitMs: 200 }, IDLE, { waitMs: 200 }],
} as const satisfies Record<string, ResetSequence>;

/** Longer waits are a mistake in the unit. */
const LONGEST_WAIT_MS = 10_000;

/**
 * Reads a sequence as people write it: `dtr=0 rts=1 wait=100 dtr=1 rts=0 wait=50 dtr=0`. 1 asserts a line, `wait` is in milliseconds.
 * Lines that stand together change together; a line that is not named keeps its state, off at the start.
 *
 * @throws FlashError CONFIG_BAD_VALUE
 */
export function parseResetSequence(text: string): ResetSequence {
  const steps: ResetStep[] = [];
  let lines = IDLE;
  let named = new Set<string>();
  const settle = () => {
    if (named.size > 0) steps.push(lines);
    named = new Set();
  };
  for (const word of text.trim().split(/\s+/)) {
    const [, name = '', digits = ''] = /^(dtr|rts|wait)=(\d{1,5})$/.exec(word) ?? [];
    const value = Number(digits);
    if (name === '' || value > (name === 'wait' ? LONGEST_WAIT_MS : 1)) throw notAStep(text, word);
    if (name === 'wait' || named.has(name)) settle();
    if (name === 'wait') {
      steps.push({ waitMs: value });
    } else {
      lines = { ...lines, [name]: value === 1 };
      named.add(name);
    }
  }
  settle();
  return steps;
}

function notAStep(text: string, word: string): FlashError {
  const expected = `expected dtr=0, dtr=1, rts=0, rts=1 or wait=<milliseconds up to ${LONGEST_WAIT_MS}>`;
  return new FlashError('CONFIG_BAD_VALUE', `"${word}" is no step of a reset sequence ("${text}"); ${expected}`);
}

/**
 * Plays a sequence on the port.
 *
 * @returns false where the port has no control lines: nothing was reset, and nothing was waited for
 * @throws FlashError SERIAL_PORT_LOST and the like; the signal's reason
 */
export async function playReset(
  link: SerialLink,
  sequence: ResetSequence,
  clock: Clock,
  signal?: AbortSignal,
): Promise<boolean> {
  for (const step of sequence) {
    if ('waitMs' in step) await sleep(clock, step.waitMs, signal);
    else if (!(await link.setLines(step))) return false;
  }
  return true;
}
