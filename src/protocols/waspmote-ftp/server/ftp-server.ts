import { createServer, type Server, type Socket } from 'node:net';
import type { Timer } from '../../../clock.ts';
import { FlashError } from '../../../errors.ts';
import type { FtpServerSettings } from '../../../model/server.ts';
import type { Part } from '../../../service/lifecycle.ts';
import type { PullHost, PullSurroundings } from '../../pull.ts';
import { Visits } from '../visits.ts';
import { plainAddress } from './addresses.ts';
import { type PassivePorts, passivePorts } from './data-channel.ts';
import { Session, type SessionParts } from './session.ts';
import type { Transfer } from './transfer.ts';

/** How soon listening is tried again: an address may come up after the daemon. */
const LISTEN_AGAIN_MS = 10_000;

/** What the server is made of; it keeps nothing of its own. */
export interface FtpServerParts extends PullSurroundings {
  readonly settings: FtpServerSettings;
  readonly host: PullHost;
  readonly placeOf: SessionParts['placeOf'];
}

/** The read-only server that Waspmotes fetch from. Behind it is no disk: what a user sees is made of what is published for it. */
export class FtpServer implements Part {
  readonly name = 'ftp-server';
  readonly #parts: FtpServerParts;
  readonly #visits: Visits;
  readonly #ports: PassivePorts;
  readonly #sessions = new Map<Session, string>();
  readonly #sockets = new Set<Socket>();
  /** Transfers whose end is not known yet, with the promise that it is. */
  readonly #transfers = new Map<Transfer, Promise<void>>();
  #server: Server | null = null;
  #retry: Timer | null = null;
  #isStopped = false;

  constructor(parts: FtpServerParts) {
    this.#parts = parts;
    this.#visits = new Visits(parts.host, parts.clock);
    this.#ports = passivePorts(parts.settings.passivePorts);
  }

  /** Where it listens; null: nowhere (yet). For tests, which let the system choose. */
  get port(): number | null {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : null;
  }

  /** Comes back whether or not it listens: the daemon has other work, and an address may come up later. */
  async start(): Promise<void> {
    await this.#listen();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#retry?.cancel();
    this.#visits.stop();
    for (const session of this.#sessions.keys()) session.quit('421 The server is stopping.');
    for (const socket of this.#sockets) socket.destroySoon();
    for (const session of this.#sessions.keys()) session.abort();
    for (const transfer of this.#transfers.keys()) transfer.abort('the server is stopping');
    // What became of each is written down before the journal is closed.
    await Promise.allSettled(this.#transfers.values());
    const server = this.#server;
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #listen(): Promise<void> {
    const { settings, clock, log } = this.#parts;
    const { address, port } = settings;
    return new Promise((resolve) => {
      const server = createServer((socket) => this.#accept(socket));
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const error = notListening(settings, cause);
        log.error('server.unusable', { server: 'ftp', ...error.toJSON() });
        if (!this.#isStopped) this.#retry = clock.setTimer(LISTEN_AGAIN_MS, () => void this.#listen());
        resolve();
      });
      server.listen({ host: address, port }, () => {
        this.#server = server;
        log.info('server.ready', { server: 'ftp', address, port: this.port });
        resolve();
      });
    });
  }

  #follow(transfer: Transfer, known: Promise<void>): void {
    const followed = known
      .catch((error: unknown) => this.#parts.log.error('server.failed', { server: 'ftp', reason: String(error) }))
      .finally(() => this.#transfers.delete(transfer));
    this.#transfers.set(transfer, followed);
  }

  #accept(socket: Socket): void {
    const { settings, log } = this.#parts;
    const peer = plainAddress(socket.remoteAddress ?? '');
    const sameAddress = [...this.#sessions.values()].filter((address) => address === peer).length;
    if (this.#sessions.size >= settings.connections || sameAddress >= settings.connectionsPerAddress) {
      log.warn('server.full', { server: 'ftp', address: peer, connections: this.#sessions.size, sameAddress });
      socket.on('error', () => socket.destroy());
      socket.end('421 Too many connections.\r\n');
      socket.destroySoon();
      return;
    }
    const local = plainAddress(socket.localAddress ?? '');
    const session = new Session(socket, {
      ...this.#parts,
      visits: this.#visits,
      ports: this.#ports,
      peer,
      local,
      onTransfer: (transfer, known) => this.#follow(transfer, known),
    });
    this.#sessions.set(session, peer);
    this.#sockets.add(socket);
    socket.on('close', () => {
      this.#sessions.delete(session);
      this.#sockets.delete(socket);
    });
  }
}

function notListening({ address, port }: FtpServerSettings, cause: NodeJS.ErrnoException): FlashError {
  return new FlashError(
    'SERVER_NOT_LISTENING',
    `the FTP server cannot listen on ${address} port ${port}: ${cause.message}`,
    {
      cause,
      details: { address, port, cause: cause.code },
    },
  );
}
