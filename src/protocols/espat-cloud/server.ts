import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { plainAddress } from '../../transports/dial-back.ts';
import { imageAnswer, lengthAnswer, versionAnswer } from './answers.ts';
import { type Answer, serveConnection } from './connection.ts';
import { DOWNLOAD_WITHIN_MS, REQUEST_WITHIN_MS } from './constants.ts';
import type { Question } from './request.ts';

/** A module asks for an image, or for its length. */
export type DownloadQuestion = Extract<Question, { readonly kind: 'download' }>;

/** Who asks. */
export interface Peer {
  /** IPv4 in dotted form, also where it came over an IPv6 socket. */
  readonly address: string;
  readonly token: string | null;
}

/** One image on its way to one module. Exactly one of `whole` and `broken` ends it. */
export interface Download {
  progress(sentBytes: number): void;
  whole(): void;
  broken(sentBytes: number, reason: string): void;
}

/** What a server offers, and whom it tells. */
export interface AtShelf {
  /** The version that is offered to this module; null: nothing. */
  version(peer: Peer): Promise<string | null>;
  /** The image for a question that was understood; null: nothing here is for this module. */
  file(question: DownloadQuestion, peer: Peer): Promise<Uint8Array | null>;
  /** Its first byte is about to leave. */
  began(question: DownloadQuestion, peer: Peer, sizeBytes: number): Download;
}

/** What the server is made of: the daemon's has the shelf of the publisher, that of an attempt one image. */
export interface AtServerOptions {
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly connections: number;
  readonly shelf: AtShelf;
  readonly clock: Clock;
  readonly log: Logger;
  readonly requestMs?: number;
  readonly downloadMs?: number;
}

/**
 * The update server for AT modules. It answers the two questions of a module and nothing else: whatever it does not understand, or has
 * nothing for, is answered with a reset of the connection and not a byte, because the oldest modules flash any body they are given.
 */
export class AtServer {
  readonly kind = 'http';
  readonly #options: AtServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: AtServerOptions) {
    this.#options = options;
    // Half-open: a peer that has no more to say still wants its answer.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = options.connections;
    this.#server.on('error', (error) => options.log.warn('espat.server-error', { message: error.message }));
  }

  /** The port it listens on. @throws FlashError LINK_NO_PORT, LINK_LOCAL_ADDRESS */
  async listen(): Promise<number> {
    const { address, port } = this.#options;
    this.#server.listen(port, address);
    try {
      await once(this.#server, 'listening');
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code;
      throw code === 'EADDRNOTAVAIL'
        ? new FlashError('LINK_LOCAL_ADDRESS', `${address} is not an address of this machine`, { cause })
        : new FlashError('LINK_NO_PORT', `cannot listen on TCP port ${port} of ${address} (${code ?? 'unknown'})`, {
            cause,
          });
    }
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks what is still going on. Safe to call twice. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const { clock, log, requestMs = REQUEST_WITHIN_MS, downloadMs = DOWNLOAD_WITHIN_MS } = this.#options;
    const address = plainAddress(socket.remoteAddress ?? '');
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    const begun: { download: Download | null } = { download: null };
    serveConnection(socket, {
      clock,
      times: { requestMs, downloadMs },
      decide: (question) =>
        this.#answer(question, address, (download) => {
          begun.download = download;
        }),
      onRefused: (reason) => log.info('espat.refused', { address, reason }),
      onAnswered: ({ whole, writtenBytes, reason }) => {
        if (whole) begun.download?.whole();
        else begun.download?.broken(writtenBytes, reason);
      },
    });
  }

  async #answer(question: Question, address: string, onBegin: (download: Download) => void): Promise<Answer | null> {
    const { shelf, log } = this.#options;
    const peer = { address, token: question.token };
    if (question.kind === 'version') {
      const version = await shelf.version(peer);
      log.info('espat.asked', { address, version });
      return { bytes: versionAnswer(version), isDownload: false };
    }
    const image = await shelf.file(question, peer);
    if (image === null || image.length === 0) {
      log.warn('espat.refused', { address, file: question.file, reason: 'nothing here is for it' });
      return null;
    }
    if (question.method === 'HEAD') return { bytes: lengthAnswer(image.length), isDownload: false };
    return this.#download(question, peer, image, onBegin);
  }

  #download(question: DownloadQuestion, peer: Peer, image: Uint8Array, onBegin: (begun: Download) => void): Answer {
    const bytes = imageAnswer(image);
    const headBytes = bytes.length - image.length;
    const download = this.#options.shelf.began(question, peer, image.length);
    onBegin(download);
    return { bytes, isDownload: true, onProgress: (written) => download.progress(Math.max(0, written - headBytes)) };
  }
}
