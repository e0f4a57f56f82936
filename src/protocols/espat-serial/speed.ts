import { FlashError } from '../../errors.ts';
import { readBootTrouble } from './boot-text.ts';
import { BAUD_RATES, BOOT_BAUD_RATE, BOOT_LISTEN_MS, PROBE_MS } from './constants.ts';
import type { AtDialog } from './dialog.ts';

/** What answers AT: the rate, or why nothing does. */
export type Probe =
  | { readonly found: true; readonly baudRate: number }
  /** `trouble`: what its own boot text says; null: not a word that is known. */
  | { readonly found: false; readonly trouble: string | null };

const ROUNDS = 2;
/** The first AT may end a line of noise that was sent at another rate, and be answered with ERROR. */
const TRIES = 2;

/**
 * Finds the rate at which the module answers AT.
 *
 * @param wanted the only rate to try; null: all that are in use
 * @param first where it answered before
 */
export async function findSpeed(dialog: AtDialog, wanted: number | null, first: number | null = null): Promise<Probe> {
  const { link } = dialog;
  const known = wanted ?? first;
  const all = known === null ? BAUD_RATES : [known, ...BAUD_RATES.filter((rate) => rate !== known)];
  const rates = wanted !== null || !link.hasBaudRate ? all.slice(0, 1) : all;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const baudRate of rates) if (await answersAt(dialog, baudRate)) return { found: true, baudRate };
    const trouble = await listenForTrouble(dialog);
    if (trouble !== null) return { found: false, trouble };
  }
  return { found: false, trouble: null };
}

async function answersAt(dialog: AtDialog, baudRate: number): Promise<boolean> {
  if (!(await setRate(dialog, baudRate))) return false;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    dialog.forget();
    await dialog.sendRaw('AT\r\n');
    const { verdict, lines } = await dialog.reply('AT', PROBE_MS);
    if (verdict === 'ok' || lines.some((line) => line.startsWith('busy '))) return true;
  }
  return false;
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
