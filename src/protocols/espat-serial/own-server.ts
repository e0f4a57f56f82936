import { createHash } from 'node:crypto';
import { FlashError } from '../../errors.ts';
import type { PortRange } from '../../model/fields.ts';
import { versionTag } from '../espat-cloud/answers.ts';
import type { FileName } from '../espat-cloud/constants.ts';
import type { AtFiles } from '../espat-cloud/files.ts';
import {
  AtServer,
  type AtServerOptions,
  type AtShelf,
  type Download,
  type DownloadQuestion,
  type Peer,
} from '../espat-cloud/server.ts';

/** What became of the one module's visit. */
export interface VisitLog {
  /** It asked for a file that the image does not hold. */
  readonly missing: FileName | null;
  readonly sentBytes: number;
  readonly hasBegun: boolean;
}

const MOST_CONNECTIONS = 8;

/** Serves one image to one module, by its address, and tells what was seen. */
export class OwnShelf implements AtShelf, VisitLog {
  readonly #files: AtFiles;
  readonly #moduleAddress: string;
  readonly #onBegin: () => void;
  readonly #onProgress: (sentBytes: number, totalBytes: number) => void;
  missing: FileName | null = null;
  sentBytes = 0;
  hasBegun = false;
  /** Every byte has left: the module may have all of it. */
  isSentWhole = false;

  /** @param onBegin called before the first byte of the image leaves; what it throws keeps it from leaving */
  constructor(
    files: AtFiles,
    moduleAddress: string,
    onBegin: () => void,
    onProgress: (sentBytes: number, totalBytes: number) => void,
  ) {
    this.#files = files;
    this.#moduleAddress = moduleAddress;
    this.#onBegin = onBegin;
    this.#onProgress = onProgress;
  }

  async version(peer: Peer): Promise<string | null> {
    return this.#isOurs(peer) ? versionTag(createHash('sha256').update(this.#files.build).digest('hex')) : null;
  }

  async file({ file }: DownloadQuestion, peer: Peer): Promise<Uint8Array | null> {
    if (!this.#isOurs(peer)) return null;
    const bytes = this.#files.files.get(file) ?? null;
    if (bytes === null) this.missing = file;
    return bytes;
  }

  began(_question: DownloadQuestion, _peer: Peer, sizeBytes: number): Download {
    this.#onBegin();
    this.hasBegun = true;
    const progress = (sentBytes: number) => {
      if (sentBytes <= this.sentBytes) return;
      this.sentBytes = sentBytes;
      this.#onProgress(sentBytes, sizeBytes);
    };
    const all = (sentBytes: number) => {
      progress(sentBytes);
      this.isSentWhole ||= sentBytes >= sizeBytes;
    };
    return { progress: all, whole: () => all(sizeBytes), broken: () => undefined };
  }

  #isOurs({ address }: Peer): boolean {
    return address === this.#moduleAddress;
  }
}

/** A server on the first port of the range that is free. @throws FlashError LINK_NO_PORT, LINK_LOCAL_ADDRESS */
export async function openOwnServer(
  ports: PortRange,
  options: Omit<AtServerOptions, 'port' | 'connections'>,
): Promise<{ readonly server: AtServer; readonly port: number }> {
  let last: unknown = null;
  for (let port = ports.first; port <= ports.last; port += 1) {
    const server = new AtServer({ ...options, port, connections: MOST_CONNECTIONS });
    try {
      return { server, port: await server.listen() };
    } catch (error) {
      if (!(error instanceof FlashError) || error.code !== 'LINK_NO_PORT') throw error;
      last = error;
    }
  }
  throw last;
}
