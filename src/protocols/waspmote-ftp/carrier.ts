import { Readable } from 'node:stream';
import type { Client, FTPError } from 'basic-ftp';
import type { Clock } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { FirmwareImage } from '../../model/image.ts';
import type { Publication } from '../../model/publication.ts';
import type { Carrier } from '../pull.ts';
import { GPRS_FOLDER, MESHLIUM, UPGRADE_FILE } from './constants.ts';
import { noticeOf } from './folder.ts';
import { termsOf } from './offer.ts';
import type { OtherServer, WaspmoteSettings } from './options.ts';
import { enterPassiveMode } from './passive.ts';

/** A server that is silent for so long in the middle of a conversation is given up. */
const PATIENCE_MS = 60_000;

/** RFC 959, section 4.2: the login was refused; the file is not there or may not be touched. */
const NOT_LOGGED_IN = 530;

/**
 * Publishes to an FTP server of somebody else's (a Meshlium, a hoster). Devices may come at any moment, so that each file appears
 * whole: under a name of its own first, compared by its size, then renamed. The program stands there before UPGRADE.TXT tells of it,
 * and is told of no longer before it goes.
 */
export class FtpCarrier implements Carrier {
  readonly #settings: WaspmoteSettings;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(settings: WaspmoteSettings, clock: Clock, log: Logger) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  async publish(publication: Publication, { bytes }: FirmwareImage, signal: AbortSignal): Promise<void> {
    const { name, gprs } = termsOf(publication.terms);
    await this.#session(signal, async (client) => {
      const folders = await foldersIn(client, gprs);
      for (const folder of folders) await put(client, `${folder}${name}`, bytes);
      for (const folder of folders) await put(client, `${folder}${UPGRADE_FILE}`, noticeOf(publication));
    });
  }

  async withdraw(publication: Publication, signal: AbortSignal): Promise<void> {
    const { name, gprs } = termsOf(publication.terms);
    await this.#session(signal, async (client) => {
      const folders = await foldersIn(client, gprs);
      for (const folder of folders) await put(client, `${folder}${UPGRADE_FILE}`, noticeOf(null));
      for (const folder of folders) await client.remove(`${folder}${name}`, true);
    });
  }

  async #session(signal: AbortSignal, work: (client: Client) => Promise<void>): Promise<void> {
    const { server, user, password } = this.#settings;
    if (server === null) throw new Error('there is no other server to publish to');
    // Only here: it brings TLS along, and most daemons publish to nobody.
    const { Client, enterPassiveModeIPv6 } = await import('basic-ftp');
    const client = new Client(PATIENCE_MS);
    client.prepareTransfer = (ftp) => enterPassiveModeIPv6(ftp).catch(() => enterPassiveMode(ftp));
    const close = (): void => client.close();
    signal.addEventListener('abort', close, { once: true });
    const beganMs = this.#clock.monotonic();
    try {
      await client.access({
        host: server.host,
        port: server.port,
        user,
        password: password?.reveal() ?? MESHLIUM.password,
      });
      if (server.folder !== '') await client.cd(server.folder);
      await work(client);
      this.#log.debug('publication.carried', {
        host: server.host,
        elapsedMs: Math.round(this.#clock.monotonic() - beganMs),
      });
    } catch (cause) {
      throw cause instanceof FlashError ? cause : translated(cause, server, user);
    } finally {
      signal.removeEventListener('abort', close);
      client.close();
    }
  }
}

/** Where both files go, as prefixes of their names: the folder itself, and the one of the GPRS module. */
async function foldersIn(client: Client, gprs: boolean): Promise<readonly string[]> {
  if (!gprs) return [''];
  // It is there already from the second time on, which servers refuse in different words.
  await client.sendIgnoringError(`MKD ${GPRS_FOLDER}`);
  return ['', `${GPRS_FOLDER}/`];
}

async function put(client: Client, path: string, bytes: Uint8Array): Promise<void> {
  // Without a dot in front: some servers refuse to write such files.
  const temporary = `${path}.new`;
  await client.uploadFrom(Readable.from([bytes]), temporary);
  await compareSize(client, temporary, bytes.length);
  try {
    await client.rename(temporary, path);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // Servers on Windows, and careful ones, rename over nothing.
    await client.remove(path, true);
    await client.rename(temporary, path);
  }
  await compareSize(client, path, bytes.length);
}

async function compareSize(client: Client, path: string, sizeBytes: number): Promise<void> {
  const stored = await client.size(path);
  if (stored === sizeBytes) return;
  throw new FlashError('PUBLISH_WRONG_SIZE', `${path} has ${stored} bytes on the server after ${sizeBytes} were sent`, {
    step: 'write',
    details: { path, stored, sizeBytes },
  });
}

/** The server itself said no, as opposed to a connection that failed. */
function isRefusal(error: unknown): error is FTPError {
  return error instanceof Error && error.name === 'FTPError';
}

function translated(cause: unknown, { host, port }: OtherServer, user: string): FlashError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const where = `the FTP server ${host} port ${port}`;
  const details = { host, port, user };
  if (!isRefusal(cause))
    return new FlashError('PUBLISH_UNREACHABLE', `${where} cannot be reached: ${why}`, {
      cause,
      step: 'prepare',
      details,
    });
  if (cause.code === NOT_LOGGED_IN)
    return new FlashError('PUBLISH_LOGIN_REFUSED', `${where} does not let "${user}" in: ${why}`, {
      cause,
      step: 'prepare',
      details,
    });
  return new FlashError('PUBLISH_REFUSED', `${where} refused a step: ${why}`, { cause, step: 'write', details });
}
