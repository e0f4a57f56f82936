import { type Clock, sleep } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import { playReset, RESET_SEQUENCES, type ResetSequence } from '../../transports/reset-lines.ts';
import { type BootDiagnosis, diagnoseBoot } from './boot-text.ts';
import { decodeReply, encodeCommand, encodeSync, type Reply } from './codec.ts';
import { Op, QUIET_MS, RESETS, SYNC_PAUSE_MS, SYNC_TIMEOUT_MS, SYNCS_PER_RESET } from './constants.ts';
import type { FrameLink } from './frames.ts';
import { Loader } from './loader.ts';
import type { ChipPort } from './port.ts';
import type { Dialect } from './status.ts';

/** How to get the chip into download mode. `auto`: what suits the port. `none`: it is there already. */
export type ResetChoice = 'auto' | 'none' | ResetSequence;

/** Short and long hold, both lines at once or one by one: what one board needs is wrong for another. */
const BRIDGE_RESETS: readonly ResetSequence[] = [
  RESET_SEQUENCES.tight,
  RESET_SEQUENCES.classic,
  RESET_SEQUENCES['tight-long'],
  RESET_SEQUENCES['classic-long'],
  RESET_SEQUENCES['usb-jtag'],
  RESET_SEQUENCES.tight,
  RESET_SEQUENCES.classic,
];
const USB_JTAG_RESETS: readonly ResetSequence[] = [
  RESET_SEQUENCES['usb-jtag'],
  RESET_SEQUENCES['usb-jtag'],
  RESET_SEQUENCES.tight,
];

/**
 * Resets the chip into its loader and waits until that answers (esptool documentation, "Boot Mode Selection" and "Initial
 * Synchronisation").
 *
 * @throws FlashError SERIAL_NO_REPLY, SERIAL_NO_SYNC, SERIAL_WRONG_BOOT_MODE, SERIAL_NOT_RESET, by what the chip said meanwhile
 */
export async function connect(port: ChipPort, reset: ResetChoice, clock: Clock, signal: AbortSignal): Promise<Loader> {
  let hasLines = true;
  let seen: BootDiagnosis = { state: 'silent', line: null };
  for (const sequence of resetsFor(port, reset)) {
    try {
      port.frames.restart();
      hasLines = sequence === null || (await playReset(port.frames.link, sequence, clock, signal));
      const dialect = await synchronise(port.frames, clock, signal);
      if (dialect !== null) {
        port.reachedBy(sequence, hasLines);
        return new Loader(port.frames, dialect);
      }
    } catch (error) {
      if (!isLoss(error)) throw error;
      // A chip that is itself the USB device goes away with a reset, and comes back.
      await port.reopen(error);
    }
    seen = moreTelling(seen, diagnoseBoot(port.frames.text));
  }
  if (seen.state === 'talking' && hasLines && reset !== 'none') {
    for (const sequence of [RESET_SEQUENCES['tight-long'], RESET_SEQUENCES['classic-long']]) {
      seen = moreTelling(seen, await diagnoseEsp8266(port, sequence, clock, signal));
    }
  }
  throw silence(port.path, seen, hasLines);
}

/** An ESP8266 with the usual crystal prints its boot message at this rate, whatever it is spoken to at: noise at any other. */
const ESP8266_BOOT_BAUD_RATE = 74_880;
const BOOT_TEXT_MS = 300;

async function diagnoseEsp8266(
  port: ChipPort,
  sequence: ResetSequence,
  clock: Clock,
  signal: AbortSignal,
): Promise<BootDiagnosis> {
  const { frames } = port;
  try {
    await frames.link.setBaudRate(ESP8266_BOOT_BAUD_RATE);
    frames.restart();
    await playReset(frames.link, sequence, clock, signal);
    await frames.drain(BOOT_TEXT_MS, 2 * BOOT_TEXT_MS);
    return diagnoseBoot(frames.text);
  } catch (error) {
    // What the other resets have told stays the best that is known.
    if (error instanceof FlashError) return { state: 'silent', line: null };
    throw error;
  }
}

/** Null: synchronise without a reset. */
function resetsFor(port: ChipPort, reset: ResetChoice): readonly (ResetSequence | null)[] {
  if (reset === 'none') return [null, null, null];
  if (reset !== 'auto') return Array.from({ length: RESETS }, () => reset);
  const { provenReset } = port;
  if (provenReset !== null) return [provenReset, ...BRIDGE_RESETS].slice(0, RESETS);
  if (port.kind === 'usb-jtag') return [...USB_JTAG_RESETS, ...BRIDGE_RESETS].slice(0, RESETS);
  // The ROM's own USB device exists in download mode only.
  return port.kind === 'usb-otg' ? [null, ...BRIDGE_RESETS] : BRIDGE_RESETS;
}

/**
 * SYNC until something answers. A ROM answers eight times, and so does a stub; a stub that is running from before says 0 where a ROM says
 * something.
 */
export async function synchronise(frames: FrameLink, clock: Clock, signal: AbortSignal): Promise<Dialect | null> {
  const packet = encodeCommand(Op.SYNC, encodeSync());
  for (let attempt = 0; attempt < SYNCS_PER_RESET; attempt++) {
    await frames.send(packet);
    const reply = await frames.find(syncReply, SYNC_TIMEOUT_MS);
    if (reply !== null) {
      const others = (await frames.drain(QUIET_MS)).map(syncReply).filter((other) => other !== null);
      return [reply, ...others].some(({ value }) => value !== 0) ? 'rom' : 'stub';
    }
    // A chip that started its application will not answer however often it is asked.
    if (diagnoseBoot(frames.text).state === 'application') return null;
    await sleep(clock, SYNC_PAUSE_MS, signal);
  }
  return null;
}

function syncReply(frame: Uint8Array): Reply | null {
  const reply = decodeReply(frame);
  return reply?.op === Op.SYNC ? reply : null;
}

function isLoss(error: unknown): error is FlashError {
  return error instanceof FlashError && error.code === 'SERIAL_PORT_LOST';
}

const TELLING = ['silent', 'talking', 'application', 'download'];

/** Over several resets the best one counts: a board that reached download mode once has its lines right. */
function moreTelling(before: BootDiagnosis, now: BootDiagnosis): BootDiagnosis {
  return TELLING.indexOf(now.state) > TELLING.indexOf(before.state) ? now : before;
}

function silence(path: string, { state, line }: BootDiagnosis, hasLines: boolean): FlashError {
  const lines = hasLines ? '' : '; the port has no control lines, so nothing was reset';
  const details = { bootState: state, bootLine: line, hasControlLines: hasLines };
  switch (state) {
    case 'download':
      return new FlashError('SERIAL_NO_SYNC', `${path}: the chip is in download mode ("${line}") and does not answer`, {
        details,
      });
    case 'application':
      return new FlashError(
        'SERIAL_WRONG_BOOT_MODE',
        `${path}: the chip started from flash ("${line}") instead of download mode${lines}`,
        { details },
      );
    case 'talking':
      return new FlashError(
        'SERIAL_NOT_RESET',
        `${path}: something talks, and neither prints a boot message nor answers${lines}`,
        { details },
      );
    case 'silent':
      return new FlashError('SERIAL_NO_REPLY', `${path}: not a byte came back${lines}`, { details });
  }
}
