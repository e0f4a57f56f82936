import { sleep } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import { uploadByHttp } from '../../transports/http-upload.ts';
import { BUSY_PAUSE_MS, Report, WEB_TIMEOUT_S } from './constants.ts';
import { type AtDialog, mustDo, nameOf } from './dialog.ts';
import { type AtVersion, isAtLeast } from './gmr.ts';
import type { EspatSerialOptions, Way } from './options.ts';
import type { VisitLog } from './own-server.ts';

/** How the module ended the update: it said OK, or it started again without a word. */
export type UpdateEnd = 'ok' | 'restarted';

/** The way for this firmware. @throws FlashError ESPAT_UNSUPPORTED */
export function chooseWay(version: AtVersion, { way, dns }: EspatSerialOptions): Exclude<Way, 'auto'> {
  const hasUserOta = version.family === 'esp-at' && isAtLeast(version, 2, 2);
  const chosen = way === 'auto' ? (hasUserOta ? 'userota' : 'ciupdate') : way;
  if (dns !== null && version.family === 'old') throw unsupported(version, 'no command to set a DNS server');
  if (chosen === 'userota' && !hasUserOta) throw unsupported(version, 'no AT+USEROTA (ESP-AT 2.2 and later have it)');
  if (chosen === 'webserver' && version.family !== 'esp-at') throw unsupported(version, 'no AT+WEBSERVER');
  if (chosen === 'ciupdate' && !isAtLeast(version, 0, 18))
    throw unsupported(version, 'no AT+CIUPDATE (0.18 and later have it)');
  return chosen;
}

function unsupported({ at }: AtVersion, what: string): FlashError {
  return new FlashError('ESPAT_UNSUPPORTED', `AT ${at} has ${what}`, { step: 'prepare' });
}

/** What every way to update a module needs. */
export interface UpdateParts {
  readonly dialog: AtDialog;
  readonly withinMs: number;
  /** What the module fetched from here; null: it fetches from elsewhere. */
  readonly visit: VisitLog | null;
  onReport(stage: number): void;
}

/**
 * AT+CIUPDATE with its reports, in every generation.
 *
 * @throws FlashError ESPAT_NO_SERVER, ESPAT_NO_VERSION, ESPAT_NOT_OFFERED, ESPAT_DOWNLOAD_FAILED; null where the module fell silent
 */
export async function ciupdate(parts: UpdateParts): Promise<UpdateEnd | null> {
  const { dialog, onReport } = parts;
  const endMs = dialog.clock.monotonic() + parts.withinMs;
  await start(dialog, 'AT+CIUPDATE');
  let stage = 0;
  for (;;) {
    const word = readWord(await dialog.line(endMs - dialog.clock.monotonic()));
    if (word === null || word === 'ok' || word === 'restarted') return word;
    if (word === 'failed') throw updateError(stage, parts.visit);
    if (typeof word === 'number') {
      stage = word;
      onReport(word);
    }
    // Its last command is not over yet: it has not heard this one.
    if (word === 'busy' && stage === 0) {
      await sleep(dialog.clock, BUSY_PAUSE_MS);
      await start(dialog, 'AT+CIUPDATE');
    }
  }
}

const WORDS: Readonly<Record<string, UpdateEnd | 'failed'>> = {
  OK: 'ok',
  ready: 'restarted',
  ERROR: 'failed',
  FAIL: 'failed',
};

/** What a line says of the update; a number is a step that was reached, null silence. */
function readWord(line: string | null): UpdateEnd | 'failed' | 'busy' | 'other' | number | null {
  if (line === null) return null;
  if (line.startsWith('busy ')) return 'busy';
  // The command is CIUPDATE, its report CIPUPDATE; ESP-AT has both spellings, and −1 for a failure.
  const reported = /^\+CIP?UPDATE:(-?\d+)/.exec(line)?.[1];
  if (reported === undefined) return WORDS[line] ?? 'other';
  return Number(reported) < 0 ? 'failed' : Number(reported);
}

async function start(dialog: AtDialog, command: string): Promise<void> {
  dialog.forget();
  await dialog.sendRaw(`${command}\r\n`);
}

function updateError(stage: number, visit: VisitLog | null): FlashError {
  const sent = visit === null ? '' : ` after ${visit.sentBytes} bytes from here`;
  const details = { report: stage, sentBytes: visit?.sentBytes ?? null };
  if (visit !== null && visit.missing !== null) {
    const message = `the module asked for ${visit.missing}, the half for the slot it does not run, and the image does not hold it`;
    return new FlashError('ESPAT_NOT_OFFERED', message, { step: 'write', details });
  }
  if (stage < Report.NAME_FOUND) {
    const message =
      'the module answers ERROR before it found the server: no network, no answer from its DNS, or no such command';
    return new FlashError('ESPAT_NO_SERVER', message, { step: 'write', details });
  }
  if (stage < Report.CONNECTED) {
    return new FlashError('ESPAT_NO_SERVER', 'the module found the name of the server and could not connect', {
      step: 'write',
      details,
    });
  }
  if (stage < Report.VERSION_READ) {
    return new FlashError('ESPAT_NO_VERSION', 'the server told the module of no version', { step: 'write', details });
  }
  return new FlashError('ESPAT_DOWNLOAD_FAILED', `the module gave the download up${sent}`, { step: 'write', details });
}

/** AT+USEROTA: the module fetches a URL. Like {@link ciupdate}, without reports. */
export async function userOta(parts: UpdateParts, url: string): Promise<UpdateEnd | null> {
  const { dialog, withinMs, visit } = parts;
  await mustDo(dialog, `AT+USEROTA=${url.length}`, Math.min(withinMs, 10_000));
  if (!(await dialog.hears(/>/, Math.min(withinMs, 10_000)))) return null;
  await dialog.sendRaw(url);
  const { verdict, lines } = await dialog.reply(url, withinMs);
  if (verdict === 'ok') return 'ok';
  if (lines.includes('ready')) return 'restarted';
  if (verdict === 'silent') return null;
  throw updateError(Report.VERSION_READ, visit);
}

/** An upload to the web server of the module, at its own address. */
export interface WebUpload extends UpdateParts {
  readonly address: string;
  readonly port: number;
  readonly image: Uint8Array;
  readonly signal: AbortSignal;
  /** Before the first byte of the image leaves. */
  onBegin(): void;
  onProgress(sentBytes: number): void;
}

/** AT+WEBSERVER: the image is posted to the module (esp-at, "Web Server AT Example", `/setotadata`). */
export async function webServer(parts: WebUpload): Promise<UpdateEnd | null> {
  const { dialog, address, port, image, withinMs, signal, onProgress } = parts;
  await mustDo(dialog, `AT+WEBSERVER=1,${port},${WEB_TIMEOUT_S}`, Math.min(withinMs, 10_000));
  parts.onBegin();
  const upload = { address, port, path: '/setotadata', headers: { Object: 'ota' }, body: image, onProgress };
  const { text } = await uploadByHttp({ ...upload, stallMs: Math.min(withinMs, WEB_TIMEOUT_S * 1000) }, signal);
  if (!/"state"\s*:\s*0\b/.test(text)) {
    const message = `the module refused the image: ${JSON.stringify(text.slice(0, 100))}`;
    throw new FlashError('ESPAT_DOWNLOAD_FAILED', message, { step: 'write' });
  }
  const { verdict } = await dialog.command('AT+RST', Math.min(withinMs, 10_000));
  if (verdict === 'ok') return 'ok';
  if (verdict === 'silent') return null;
  throw new FlashError('ESPAT_REFUSED', `the module answers ${nameOf('AT+RST')} with ${verdict.toUpperCase()}`);
}
