import { FlashError } from '../../errors.ts';
import { readBootTrouble } from './boot-text.ts';
import type { AtDialog } from './dialog.ts';
import { askVersion, type Module, SERIAL_REMEDY } from './identify.ts';
import type { EspatSerialOptions } from './options.ts';
import { findSpeed } from './speed.ts';
import type { UpdateEnd } from './ways.ts';

/** A module that was told to update itself, and what it said to that. */
export interface ConfirmRequest {
  readonly dialog: AtDialog;
  readonly options: EspatSerialOptions;
  readonly before: Module;
  /** How the update ended by the module's words; null: with an error, or in silence. */
  readonly end: UpdateEnd | null;
  /** The error that it ended with; null: none. */
  readonly cause: unknown;
  /** Whether the whole image may have reached the module. */
  readonly couldHaveAll: boolean;
}

/** A module that starts, or says why it does not. */
const SIGNS_OF_A_START = /ready|backup boot failed|Fatal exception|invalid header|csum err/;

/**
 * Asks the module what it runs now, however the update seemed to end. Returns when that is another firmware than before.
 *
 * @throws FlashError ESPAT_BRICKED, ESPAT_NOT_TAKEN, ESPAT_DOWNLOAD_FAILED, ESPAT_RESULT_LOST, or `cause` where the module runs what it did before
 */
export async function confirm(request: ConfirmRequest): Promise<void> {
  const { options, before, end, cause } = request;
  const text = await askAgain(request);
  const isSame = text === before.version.text;
  if (!isSame && (options.version === null || text.includes(options.version))) return;
  if (isSame && cause !== null) throw cause;
  if (isSame && end === null) {
    const message = `the module said neither OK nor ERROR, and still runs ${text}`;
    throw new FlashError('ESPAT_DOWNLOAD_FAILED', message, { step: 'confirm' });
  }
  throw notTaken(request, text);
}

/** What it says of itself now. Whatever keeps it from that leaves open what it runs. */
async function askAgain(request: ConfirmRequest): Promise<string> {
  const { dialog, options, before, end } = request;
  try {
    if (end === 'ok') await dialog.hears(SIGNS_OF_A_START, options.readyWithinMs);
    const said = readBootTrouble(dialog.heard);
    const probe = said === null ? await findSpeed(dialog, null, before.baudRate) : notStarting(said);
    if (!probe.found) throw notBack(request, probe.trouble);
    const { text } = await askVersion(dialog, options.answerWithinMs);
    return text;
  } catch (error) {
    if (error instanceof FlashError && error.step === 'confirm') throw error;
    throw lost(
      request,
      `what it runs cannot be asked: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
}

function notStarting(trouble: string) {
  return { found: false, trouble, isSilent: false } as const;
}

function notTaken({ before, options }: ConfirmRequest, text: string): FlashError {
  const message =
    text === before.version.text
      ? `the module took the image with OK and says the same as before: ${text}`
      : `the module now says ${text}, which does not hold ${JSON.stringify(options.version)}`;
  return new FlashError('ESPAT_NOT_TAKEN', message, {
    step: 'confirm',
    details: { before: before.version.text, after: text },
  });
}

function notBack(request: ConfirmRequest, trouble: string | null): FlashError {
  if (trouble !== null) {
    const message = `the module does not start any more: ${trouble}; ${SERIAL_REMEDY}`;
    return new FlashError('ESPAT_BRICKED', message, { step: 'confirm' });
  }
  const { end, cause } = request;
  return lost(request, end === 'ok' ? 'it said OK and does not answer any more' : 'it does not answer any more', cause);
}

/** Of an image that did not leave this machine whole, a module has nothing to start. */
function lost({ couldHaveAll }: ConfirmRequest, what: string, cause: unknown): FlashError {
  const options = { step: 'confirm', cause };
  return couldHaveAll
    ? new FlashError('ESPAT_RESULT_LOST', `the module may run the new firmware: ${what}`, options)
    : new FlashError('ESPAT_DOWNLOAD_FAILED', `the module did not get the whole image: ${what}`, options);
}
