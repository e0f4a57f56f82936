import { FlashError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { FLASH_MAPS } from '../../model/image.ts';
import { type Publication, type Visitor, visitorName } from '../../model/publication.ts';
import type { PullHost } from '../pull.ts';
import { FILE_NAMES, type FileName } from './constants.ts';
import { type AtFiles, readAtFilesApart } from './files.ts';
import type { AtShelf, Download, DownloadQuestion, Peer } from './server.ts';

/** The place of rules without a token: for every module that has no rule of its own. */
export const ANYONE = 'any token';
/** So much of a token is enough to tell products apart in a list of devices. */
const TOKEN_SHOWN = 8;
const NO_TOKEN = 'at';
/** Opened releases that are kept: user1, user2 and what they replace. */
const MOST_OPENED = 8;

/** What a visitor was last seen to fetch whole. */
interface LastFetch {
  readonly publication: Publication;
  readonly file: FileName;
}

/** Offers what rules have published, and tells what visits show. */
export class PublishedShelf implements AtShelf {
  readonly #host: PullHost;
  readonly #log: Logger;
  readonly #opened = new Map<string, Promise<AtFiles>>();
  readonly #chosen = new WeakMap<DownloadQuestion, Publication>();
  readonly #fetched = new Map<string, LastFetch>();

  constructor(host: PullHost, log: Logger) {
    this.#host = host;
    this.#log = log;
  }

  async version(peer: Peer): Promise<string | null> {
    const newest = this.#offered(peer).at(-1);
    if (newest === undefined) {
      this.#host.foundNothing(ANYONE, visitorOf(peer));
      return null;
    }
    this.#host.looked(newest, visitorOf(peer));
    return String(newest.terms['version']);
  }

  async file(question: DownloadQuestion, peer: Peer): Promise<Uint8Array | null> {
    this.#judge(question, visitorOf(peer));
    const publication = this.#holding(question.file, this.#offered(peer));
    if (publication === null) return null;
    const { files } = await this.#open(publication);
    this.#chosen.set(question, publication);
    return files.get(question.file) ?? null;
  }

  began(question: DownloadQuestion, peer: Peer, _sizeBytes: number): Download {
    const publication = this.#chosen.get(question);
    if (publication === undefined) throw new Error('a download begins that was not asked for');
    const visitor = visitorOf(peer);
    const fetch = this.#host.fetch(publication, visitor);
    return {
      progress: (sentBytes) => fetch.progress(sentBytes),
      whole: () => {
        this.#fetched.set(visitorName(visitor), { publication, file: question.file });
        fetch.whole();
      },
      broken: (sentBytes, reason) => {
        const message = `${visitorName(visitor)} did not take ${question.file} to its end: ${reason} after ${sentBytes} bytes`;
        fetch.broken(sentBytes, new FlashError('LINK_CLOSED', message, { step: 'write' }));
      },
    };
  }

  /** Oldest first. */
  #offered({ token }: Peer): readonly Publication[] {
    const own = token === null ? [] : this.#host.at(token);
    return own.length > 0 ? own : this.#host.at(ANYONE);
  }

  /** The newest that has the file, of the newest build only: a module must not be led back by the other half of an old one. */
  #holding(file: FileName, offered: readonly Publication[]): Publication | null {
    const newest = offered.at(-1);
    const ofBuild = offered.filter(({ terms }) => terms['build'] === newest?.terms['build']);
    return ofBuild.findLast(({ terms }) => String(terms['files']).split(' ').includes(file)) ?? null;
  }

  /** A module asks for the slot that it does not run: that tells which one it does. */
  #judge({ file, method }: DownloadQuestion, visitor: Visitor): void {
    const name = visitorName(visitor);
    const last = this.#fetched.get(name);
    if (last === undefined || file === 'ota.bin' || last.file === 'ota.bin') return;
    if (file === last.file) {
      if (method === 'GET')
        this.#log.warn('espat.not-taken', { device: name, file, release: last.publication.release });
      return;
    }
    this.#host.confirmed(last.publication, visitor, `it asks for ${file}, so it runs the ${last.file} that it fetched`);
  }

  #open(publication: Publication): Promise<AtFiles> {
    const { release, terms } = publication;
    const known = this.#opened.get(release);
    if (known !== undefined) return known;
    const flashMap = FLASH_MAPS.find((map) => map === terms['flash-map']) ?? null;
    const opening = this.#host.image(publication).then((image) => readAtFilesApart(image, flashMap));
    opening.catch(() => this.#opened.delete(release));
    const [oldest] = this.#opened.keys();
    if (oldest !== undefined && this.#opened.size >= MOST_OPENED) this.#opened.delete(oldest);
    this.#opened.set(release, opening);
    return opening;
  }
}

function visitorOf({ address, token }: Peer): Visitor {
  return { user: token?.slice(0, TOKEN_SHOWN) ?? NO_TOKEN, address };
}

/** The files of a release, in the order of their names. */
export function fileList({ files }: AtFiles): string {
  return FILE_NAMES.filter((name) => files.has(name)).join(' ');
}
