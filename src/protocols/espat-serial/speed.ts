import { FlashError } from '../../errors.ts';
import { readBootTrouble } from './boot-text.ts';
import { BAUD_RATES, BOOT_BAUD_RATE, BOOT_LISTEN_MS, LATE_PROBE_MS, LIKELY_RATES, PROBE_MS } from './constants.ts';
import type { AtDialog, Verdict } from './dialog.ts';

/** What answers AT: the rate, or why nothing does. */
export type Probe =
  | { readonly found: true; readonly baudRate: number }
  /** `trouble`: what its own boot text says; null: not a word that is known. `isSilent`: not one byte came, at any rate. */
  | { readonly found: false; readonly trouble: string | null; readonly isSilent: boolean };

/** The first AT may end a line of noise that was sent at another rate, and be answered with ERROR. */
const TRIES = 2;
/** How long the answer to an AT is awaited that was sent after one which was answered late. */
const OWED_MS = 1_500;

/**
 * Finds the rate at which the module answers AT: all rates, then the likely ones with more patience, for a module that takes its
 * time or was just switched on. Where not one byte came in all that, there is most likely none; else all rates are asked once more.
 *
 * @param wanted the only rate to try; null: all that are in use
 * @param first where it answered before
 */
export async function findSpeed(dialog: AtDialog, wanted: number | null, first: number | null = null): Promise<Probe> {
  const { link } = dialog;
  const known = wanted ?? first;
  const all = known === null ? BAUD_RATES : [known, ...BAUD_RATES.filter((rate) => rate !== known)];
  const rates = wanted !== null || !link.hasBaudRate ? all.slice(0, 1) : all;
  // Whatever is slow at the rate that the module has for certain, it is not the rate.
  const within = (baudRate: number) => (baudRate === known ? LATE_PROBE_MS : PROBE_MS);
  const quick = { rates, within, isKnown: known !== null };
  const patient = { rates: rates.slice(0, LIKELY_RATES), within: () => LATE_PROBE_MS, isKnown: false };
  const probe = await oneRound(dialog, quick);
  if (isSettled(probe)) return probe;
  if (known !== null) return oneRound(dialog, quick);
  const late = await oneRound(dialog, patient);
  if (isSettled(late) || (isSilent(probe) && isSilent(late))) return late;
  return oneRound(dialog, { ...quick, isKnown: true });
}

function isSettled(probe: Probe): boolean {
  return probe.found || probe.trouble !== null;
}

function isSilent(probe: Probe): boolean {
  return !probe.found && probe.isSilent;
}

interface Round {
  readonly rates: readonly number[];
  /** How long a rate is listened to, milliseconds. */
  readonly within: (baudRate: number) => number;
  /** A rate is asked again where it says nothing at all, too. */
  readonly isKnown: boolean;
}

async function oneRound(dialog: AtDialog, { rates, within, isKnown }: Round): Promise<Probe> {
  let hasHeard = false;
  for (const baudRate of rates) {
    if (!(await setRate(dialog, baudRate))) continue;
    const found = await listen(dialog, within(baudRate), isKnown);
    if (found === 'answer') return { found: true, baudRate };
    hasHeard ||= found === 'noise';
  }
  const trouble = await listenForTrouble(dialog);
  return { found: false, trouble, isSilent: !hasHeard && dialog.heard === '' };
}

/** What comes back at the rate that is set. */
async function listen(dialog: AtDialog, withinMs: number, isKnown: boolean): Promise<'answer' | 'noise' | 'nothing'> {
  let heard: 'noise' | 'nothing' = 'nothing';
  let isOwed = false;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const verdict = await askAt(dialog, withinMs);
    if (verdict === 'ok') {
      // This may be the answer to the AT before; every later command would be given that to the one before it.
      if (isOwed) await dialog.reply('AT', OWED_MS);
      return 'answer';
    }
    isOwed = verdict === 'silent';
    if (dialog.heard !== '') heard = 'noise';
    else if (!isKnown) break;
  }
  return heard;
}

/** One AT. A module that is busy has answered as well. */
async function askAt(dialog: AtDialog, withinMs: number): Promise<Verdict> {
  dialog.forget();
  await dialog.sendRaw('AT\r\n');
  const { verdict, lines } = await dialog.reply('AT', withinMs);
  return lines.some((line) => line.startsWith('busy ')) ? 'ok' : verdict;
}

/** What a module prints that does not come up: the ROM and its bootloader have a rate of their own. */
async function listenForTrouble(dialog: AtDialog): Promise<string | null> {
  if (!(await setRate(dialog, BOOT_BAUD_RATE))) return null;
  dialog.forget();
  await dialog.hears(/backup boot failed|Fatal exception|invalid header|csum err/i, BOOT_LISTEN_MS);
  return readBootTrouble(dialog.heard);
}

/** False where the port cannot do that rate. */
async function setRate({ link }: AtDialog, baudRate: number): Promise<boolean> {
  if (!link.hasBaudRate) return true;
  try {
    await link.setBaudRate(baudRate);
    return true;
  } catch (error) {
    if (error instanceof FlashError && error.code === 'SERIAL_BAUD_REFUSED') return false;
    throw error;
  }
}
