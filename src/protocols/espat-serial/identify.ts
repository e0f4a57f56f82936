import { FlashError } from '../../errors.ts';
import type { AtFiles } from '../espat-cloud/files.ts';
import { type AtDialog, mustDo } from './dialog.ts';
import { type AtVersion, readGmr } from './gmr.ts';
import { findSpeed } from './speed.ts';

/** Who answers on a port, and at which rate. */
export interface Module {
  readonly baudRate: number;
  readonly version: AtVersion;
}

/** How a module is spoken to before it is known; `baudRate` null: its rate is found. */
export interface IdentifyOptions {
  readonly baudRate: number | null;
  readonly answerWithinMs: number;
}

/** How a slot that does not start is mended. */
export const SERIAL_REMEDY =
  'it has to be flashed over the serial port with GPIO0 held low: an archive with boot, user1, user2, init data and blank';

/**
 * Finds the module's rate and asks for its version.
 *
 * @throws FlashError ESPAT_NO_ANSWER, ESPAT_NOT_STARTING, ESPAT_NOT_A_MODULE, ESPAT_REFUSED, ESPAT_SILENT; SERIAL_*, the signal's reason
 */
export async function identify(dialog: AtDialog, { baudRate, answerWithinMs }: IdentifyOptions): Promise<Module> {
  const { path } = dialog.link;
  const probe = await findSpeed(dialog, baudRate);
  if (!probe.found) {
    if (probe.trouble === null) {
      const heard = probe.isSilent ? 'and not one byte came' : 'though something is on the line';
      throw new FlashError('ESPAT_NO_ANSWER', `${path}: nothing answers AT at any rate that was tried, ${heard}`, {
        step: 'prepare',
      });
    }
    const message = `${path}: the module does not start: ${probe.trouble}; ${SERIAL_REMEDY}`;
    throw new FlashError('ESPAT_NOT_STARTING', message, { step: 'prepare' });
  }
  return { baudRate: probe.baudRate, version: await askVersion(dialog, answerWithinMs) };
}

/** So often it is asked for two answers in a row that are the same. */
const MOST_QUESTIONS = 5;

/**
 * Asks until two answers in a row are the same: a line that a serial line lost or garbled would be another firmware otherwise.
 *
 * @throws FlashError ESPAT_NOT_A_MODULE, ESPAT_REFUSED, ESPAT_SILENT
 */
export async function askVersion(dialog: AtDialog, withinMs: number): Promise<AtVersion> {
  let last = await askOnce(dialog, withinMs);
  for (let question = 1; question < MOST_QUESTIONS; question += 1) {
    const again = await askOnce(dialog, withinMs);
    if (again.text === last.text) return again;
    last = again;
  }
  throw new FlashError('ESPAT_NOT_A_MODULE', `${dialog.link.path}: AT+GMR is answered in another way each time`);
}

async function askOnce(dialog: AtDialog, withinMs: number): Promise<AtVersion> {
  const lines = await mustDo(dialog, 'AT+GMR', withinMs);
  const version = readGmr(lines);
  if (version !== null) return version;
  const said = JSON.stringify(lines.join(' ').slice(0, 100));
  throw new FlashError(
    'ESPAT_NOT_A_MODULE',
    `${dialog.link.path}: AT+GMR is answered with ${said}, which is no version`,
  );
}

/** AT on the NONOS SDK fetches halves, ESP-AT one application. @throws FlashError ESPAT_OTHER_FIRMWARE */
export function refuseOtherFirmware({ family, at }: AtVersion, { files }: AtFiles): void {
  const isForEspAt = files.has('ota.bin');
  if (isForEspAt === (family === 'esp-at')) return;
  const image = isForEspAt ? 'an application of ESP-AT' : 'of the ESP8266 SDK (user1, user2)';
  const message = `the image is ${image}, and the module runs AT ${at}`;
  throw new FlashError('ESPAT_OTHER_FIRMWARE', message, { step: 'prepare' });
}
