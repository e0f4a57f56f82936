import { FlashError } from '../../errors.ts';
import { readBootTrouble } from './boot-text.ts';
import { BAUD_RATES, BOOT_BAUD_RATE, BOOT_LISTEN_MS, LATE_PROBE_MS, LIKELY_RATES, PROBE_MS } from './constants.ts';
import type { AtDialog } from './dialog.ts';

/** What answers AT: the rate, or why nothing does. */
export type Probe =
  | { readonly found: true; readonly baudRate: number }
  /** `trouble`: what its own boot text says; null: not a word that is known. `isSilent`: not one byte came, at any rate. */
  | { readonly found: false; readonly trouble: string | null; readonly isSilent: boolean };

/** The first AT may end a line of noise that was sent at another rate, and be answered with ERROR. */
const TRIES = 2;

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
  const quick = { rates, withinMs: PROBE_MS, isKnown: known !== null };
  const patient = { rates: rates.slice(0, LIKELY_RATES), withinMs: LATE_PROBE_MS, isKnown: false };
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
  readonly withinMs: number;
  /** A rate is asked again where it says nothing at all, too. */
  readonly isKnown: boolean;
}

async function oneRound(dialog: AtDialog, { rates, withinMs, isKnown }: Round): Promise<Probe> {
  let hasHeard = false;
  for (const baudRate of rates) {
    if (!(await setRate(dialog, baudRate))) continue;
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      if (await answers(dialog, withinMs)) return { found: true, baudRate };
      if (dialog.heard !== '') hasHeard = true;
      else if (!isKnown) break;
    }
  }
  const trouble = await listenForTrouble(dialog);
  return { found: false, trouble, isSilent: !hasHeard && dialog.heard === '' };
}

async function answers(dialog: AtDialog, withinMs: number): Promise<boolean> {
  dialog.forget();
  await dialog.sendRaw('AT\r\n');
  const { verdict, lines } = await dialog.reply('AT', withinMs);
  return verdict === 'ok' || lines.some((line) => line.startsWith('busy '));
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
