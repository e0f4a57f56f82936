import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/clock.ts';
import { Journal } from '../../../src/jobs/journal/journal.ts';
import type { FtpServerAddress, Line } from '../../../src/simulator/waspmote/ftp-client.ts';
import { DaemonProcess } from '../daemon/daemon-process.ts';

/** As a mote fetches on a good day. */
export const GOOD_LINE: Line = { clock: systemClock, baud: null, cutAfter: null, localAddress: null, mode: 'passive' };

/** A program that holds its own name, as those of the IDE do. */
export function aProgram(name: string, sizeBytes = 40_000): Buffer {
  const bytes = randomBytes(sizeBytes);
  bytes.set([0x0c, 0x94]);
  bytes.write(name, 64, 'latin1');
  return bytes;
}

/** The built daemon with its FTP server, and the folder it watches. */
export class WaspmoteSite {
  readonly folder = mkdtempSync(join(tmpdir(), 'dropflash-waspmote-'));
  daemon: DaemonProcess;
  readonly server: FtpServerAddress;

  private constructor(port: number, config: string) {
    this.server = { host: '127.0.0.1', port, user: 'ota', password: 'libelium' };
    mkdirSync(join(this.folder, 'drop'));
    writeFileSync(join(this.folder, 'config.yaml'), config.replaceAll('PORT', `${port}`));
    this.daemon = this.#start();
  }

  static async open(rules: string): Promise<WaspmoteSite> {
    const config = `version: 1
drop: { path: ./drop, settle: 100ms }
discovery: { mdns: false }
servers:
  ftp:
    address: 127.0.0.1
    port: PORT
    users:
      - { name: ota, password: { env: MOTE_PASSWORD } }
      - { name: meters, password: { env: MOTE_PASSWORD } }
rules:
${rules}`;
    const site = new WaspmoteSite(await freePort(), config);
    await site.daemon.until('server.ready');
    return site;
  }

  #start(): DaemonProcess {
    return new DaemonProcess(['-c', 'config.yaml'], { cwd: this.folder, env: { MOTE_PASSWORD: 'libelium' } });
  }

  /** Drops a file, and waits until devices find it. */
  async publish(name: string, bytes: Uint8Array): Promise<void> {
    this.drop(name, bytes);
    await this.daemon.until('publication.published', { image: createHash('sha256').update(bytes).digest('hex') });
  }

  drop(name: string, bytes: Uint8Array): void {
    const part = join(this.folder, 'drop', `${name}.part`);
    writeFileSync(part, bytes);
    renameSync(part, join(this.folder, 'drop', name));
  }

  /** What the journal says of each device that came, newest first. */
  jobs(): readonly { readonly device: string; readonly state: string; readonly proof: string | null }[] {
    const journal = Journal.openToRead(Journal.pathIn(join(this.folder, 'data')));
    try {
      return journal.jobs.list({ limit: 100 }).map(({ device, state, proof }) => ({ device, state, proof }));
    } finally {
      journal.close();
    }
  }

  async restart(): Promise<void> {
    await this.#end();
    this.daemon = this.#start();
    await this.daemon.until('server.ready');
  }

  async close(): Promise<void> {
    await this.#end();
    rmSync(this.folder, { recursive: true });
  }

  async #end(): Promise<void> {
    if (this.daemon.isRunning) this.daemon.signal('SIGTERM');
    await this.daemon.exited;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
