import { FlashError } from '../../errors.ts';
import { JOIN_FAILURES, WRONG_PASSWORD } from './constants.ts';
import { type AtDialog, mustDo, quoted } from './dialog.ts';
import { type AtVersion, isAtLeast } from './gmr.ts';
import type { EspatSerialOptions } from './options.ts';

const STATION = 1;
const ACCESS_POINT = 2;
const BOTH = 3;

/** AT on the NONOS SDK keeps settings for good unless the command says `_CUR`. */
export function setting(name: string, { family }: AtVersion): string {
  return family === 'nonos' ? `${name}_CUR` : name;
}

/**
 * Makes sure that the module is in a network, and returns its address there.
 *
 * @throws FlashError ESPAT_NOT_JOINED, ESPAT_JOIN_FAILED, ESPAT_WRONG_PASSWORD, ESPAT_REFUSED, ESPAT_SILENT; CONFIG_SECRET_MISSING
 */
export async function ensureJoined(dialog: AtDialog, version: AtVersion, options: EspatSerialOptions): Promise<string> {
  if (options.ssid !== null) {
    await beStation(dialog, version, options);
    await join(dialog, version, options, options.ssid);
  }
  const address = stationAddress(await mustDo(dialog, 'AT+CIFSR', options.answerWithinMs));
  if (address !== null) return address;
  throw new FlashError('ESPAT_NOT_JOINED', 'the module has no address in any network (AT+CIFSR)', { step: 'prepare' });
}

async function beStation(dialog: AtDialog, version: AtVersion, { answerWithinMs }: EspatSerialOptions): Promise<void> {
  const lines = await mustDo(dialog, 'AT+CWMODE?', answerWithinMs);
  const mode = Number(/CWMODE(?:_CUR)?:(\d)/.exec(lines.join('\n'))?.[1] ?? 0);
  if (mode === STATION || mode === BOTH) return;
  const wanted = mode === ACCESS_POINT ? BOTH : STATION;
  await mustDo(dialog, `${setting('AT+CWMODE', version)}=${wanted}`, answerWithinMs);
  // Up to 0.17 a mode takes effect with the next start.
  if (isAtLeast(version, 0, 18)) return;
  await mustDo(dialog, 'AT+RST', answerWithinMs);
  dialog.forget();
  await dialog.hears(/ready/, answerWithinMs);
}

async function join(
  dialog: AtDialog,
  version: AtVersion,
  { password, joinWithinMs }: EspatSerialOptions,
  ssid: string,
): Promise<void> {
  const command = `${setting('AT+CWJAP', version)}=${quoted(ssid)},${quoted(password?.reveal() ?? '')}`;
  const { verdict, lines } = await dialog.command(command, joinWithinMs);
  if (verdict === 'ok') return;
  const number = Number(/\+CWJAP(?:_CUR)?:(\d)/.exec(lines.join('\n'))?.[1] ?? 0);
  const why = JOIN_FAILURES[number] ?? (verdict === 'silent' ? 'no answer in time' : 'without a reason');
  const code = number === WRONG_PASSWORD ? 'ESPAT_WRONG_PASSWORD' : 'ESPAT_JOIN_FAILED';
  throw new FlashError(code, `the module cannot join ${JSON.stringify(ssid)}: ${why}`, {
    step: 'prepare',
    details: { reason: number, verdict },
  });
}

/** `+CIFSR:STAIP,"192.168.1.5"`, or bare addresses, of which an access point's own comes first. */
export function stationAddress(lines: readonly string[]): string | null {
  const named = lines.map((line) => /STAIP,"([\d.]+)"/.exec(line)?.[1]).find((address) => address !== undefined);
  const bare = lines.filter((line) => /^\d{1,3}(\.\d{1,3}){3}$/.test(line)).at(-1);
  const address = named ?? bare ?? null;
  return address === '0.0.0.0' ? null : address;
}
