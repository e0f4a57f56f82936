import { createHash, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../../clock.ts';
import { FlashError } from '../../../errors.ts';
import type { Logger } from '../../../log.ts';
import type { Publication, Visitor } from '../../../model/publication.ts';
import type { FtpServerSettings, FtpUser } from '../../../model/server.ts';
import type { PullHost } from '../../pull.ts';
import { GPRS_FOLDER, UPGRADE_FILE } from '../constants.ts';
import { type Entry, entryAt, type FileEntry, type FolderEntry, folderOf, resolvePath } from '../folder.ts';
import type { Visits } from '../visits.ts';
import { CommandLines } from './command-lines.ts';
import type { Conversation } from './conversation.ts';
import { DataChannel, type PassivePorts } from './data-channel.ts';
import { Transfer, type TransferEnd } from './transfer.ts';
import { VERBS } from './verbs.ts';

/** So many commands may wait behind a transfer; a client that sends more does not speak FTP. */
const MOST_WAITING = 32;

/** A client that does not read its replies is let go at this many bytes. */
const MOST_UNREAD_BYTES = 65_536;

/** Modems log in within seconds. Whoever takes longer holds a place that a device may need. */
const LOGIN_WITHIN_MS = 120_000;

const MOST_WRONG_PASSWORDS = 5;

/** RFC 959, section 4.1.2: what sets up a transfer. A restart point outlives these, since modems give them before and after REST. */
const KEEP_RESTART: ReadonlySet<string> = new Set(['REST', 'TYPE', 'MODE', 'STRU', 'PASV', 'EPSV', 'PORT', 'EPRT']);

/** What all sessions have in common. */
export interface SessionParts {
  readonly settings: FtpServerSettings;
  readonly host: PullHost;
  readonly visits: Visits;
  readonly ports: PassivePorts;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the device came from, in plain form. */
  readonly peer: string;
  /** Where it came to. */
  readonly local: string;
  /** Told of each transfer: what lies in the system's buffers may go on leaving when the session is over. */
  readonly onTransfer: (transfer: Transfer, known: Promise<void>) => void;
  /** The place that a user of the server fetches from. */
  readonly placeOf: (user: string) => string;
}

/** One device, from its greeting to its end. */
export class Session implements Conversation {
  readonly #parts: SessionParts;
  readonly #socket: Socket;
  readonly #lines = new CommandLines();
  readonly #waiting: string[] = [];
  readonly #beganMs: number;
  #isBusy = false;
  #idle: Timer | null = null;
  #named: string | null = null;
  #user: FtpUser | null = null;
  #wrongPasswords = 0;
  #channel: DataChannel | null = null;
  #transfer: Transfer | null = null;
  #hasFoundNothing = false;
  folder: readonly string[] = [];
  restartAt = 0;
  isExtendedOnly = false;

  constructor(socket: Socket, parts: SessionParts) {
    this.#parts = parts;
    this.#socket = socket;
    this.#beganMs = parts.clock.monotonic();
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#close());
    this.#watch();
    this.reply('220 dropflash');
  }

  /** Null until it has logged in. */
  get visitor(): Visitor | null {
    return this.#user === null ? null : { user: this.#user.name, address: this.#parts.peer };
  }

  reply(text: string): void {
    if (this.#socket.destroyed) return;
    this.#socket.write(`${text}\r\n`, 'latin1');
    if (this.#socket.writableLength > MOST_UNREAD_BYTES) this.#socket.destroy();
  }

  quit(text: string): void {
    if (this.#socket.writable) this.#socket.end(`${text}\r\n`, 'latin1');
  }

  get settings(): FtpServerSettings {
    return this.#parts.settings;
  }

  get peer(): string {
    return this.#parts.peer;
  }

  get local(): string {
    return this.#parts.local;
  }

  get userName(): string {
    return this.#user?.name ?? '';
  }

  name(user: string): void {
    this.#named = user;
    this.#user = null;
    this.folder = [];
  }

  logIn(password: string): boolean {
    const user = this.#parts.settings.users.find(({ name }) => name === this.#named);
    // Compared in any case, so that the time does not tell which names there are.
    const isRight = isSame(password, user === undefined ? '' : revealed(user));
    if (user !== undefined && isRight) {
      this.#user = user;
      this.#watch();
      return true;
    }
    this.#wrongPasswords += 1;
    this.#parts.log.warn('server.login-refused', { address: this.#parts.peer, user: this.#named });
    if (this.#wrongPasswords >= MOST_WRONG_PASSWORDS) this.quit('421 Too many wrong passwords.');
    return false;
  }

  entry(path: string): Entry | null {
    const names = resolvePath(this.folder, path);
    return names === null ? null : entryAt(this.#root(), names);
  }

  async passive(): Promise<number | null> {
    const { ports, clock, settings, peer, local } = this.#parts;
    this.dropChannel();
    const made = await DataChannel.passive({ peer, local }, ports, clock, settings.dataIdleMs);
    this.#channel = made?.channel ?? null;
    if (this.#socket.destroyed) this.dropChannel();
    return made?.port ?? null;
  }

  active(port: number): void {
    const { clock, settings, peer } = this.#parts;
    this.dropChannel();
    this.#channel = DataChannel.active({ host: peer, port }, clock, settings.dataIdleMs);
  }

  dropChannel(): void {
    this.#channel?.close();
    this.#channel = null;
  }

  async list(text: string): Promise<string> {
    const bytes = Buffer.from(text, 'latin1');
    return (await this.#send(bytes, 'Here comes the directory listing.', () => undefined)).reply;
  }

  async retrieve(entry: FileEntry): Promise<string> {
    const { visits, host } = this.#parts;
    const visitor = this.visitor;
    const from = this.restartAt;
    if (visitor === null || from > entry.sizeBytes) return '550 There are not so many bytes in it.';
    const opening = `Opening BINARY mode data connection for ${entry.name} (${entry.sizeBytes} bytes).`;
    if (entry.kind === 'notice') {
      const { isWhole, reply } = await this.#send(entry.bytes.subarray(from), opening, () => undefined);
      if (isWhole && from === 0) this.#hasRead(visitor);
      return reply;
    }
    const bytes = (await host.image(entry.publication)).bytes.subarray(from);
    const fetch = visits.fetches(visitor, entry.publication, from);
    const { reply } = await this.#send(bytes, opening, fetch.progress, (end) => {
      if (end.kind === 'whole') fetch.ended(true, bytes.length, '');
      else fetch.ended(false, end.sentBytes, end.why);
    });
    return reply;
  }

  missing(path: string): void {
    const asked = resolvePath(this.folder, path)?.at(-1);
    const isOfAModule = asked === UPGRADE_FILE || asked === GPRS_FOLDER;
    if (isOfAModule && this.visitor !== null) this.#foundNothing(this.visitor);
  }

  abort(): void {
    this.#transfer?.abort('the device asked to end it');
    this.dropChannel();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #published(): Publication | null {
    const { host, placeOf } = this.#parts;
    return this.#user === null ? null : (host.at(placeOf(this.#user.name)).at(-1) ?? null);
  }

  #hasRead(visitor: Visitor): void {
    const publication = this.#published();
    this.#parts.visits.hasRead(visitor, publication, this.#beganMs);
    if (publication === null) this.#foundNothing(visitor);
  }

  /** Modems ask for the size and the file, and some more than once: one session is one look. */
  #foundNothing(visitor: Visitor): void {
    if (this.#hasFoundNothing) return;
    this.#hasFoundNothing = true;
    this.#parts.host.foundNothing(this.#parts.placeOf(visitor.user), visitor);
  }

  /** UPGRADE.TXT is always that of now; the program is the one that this device was told of. */
  #root(): FolderEntry {
    const current = this.#published();
    const root = folderOf(current);
    const program = this.visitor === null ? null : this.#parts.visits.programFor(this.visitor, current);
    return program === null || program.release === current?.release ? root : withProgramOf(root, folderOf(program));
  }

  #take(bytes: Uint8Array): void {
    for (const line of this.#lines.push(bytes)) {
      if (line === null) this.reply('500 The line is too long.');
      // The end of a transfer cannot wait for its end.
      else if (/^abor$/i.test(line.trim())) this.#aborted();
      else this.#waiting.push(line);
    }
    if (this.#waiting.length > MOST_WAITING) this.quit('421 Too many commands at once.');
    else if (this.#waiting.length > 0) void this.#work();
  }

  #aborted(): void {
    this.abort();
    this.reply('226 Nothing is sent any more.');
  }

  async #work(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let line = this.#waiting.shift(); line !== undefined && this.#socket.writable; line = this.#waiting.shift()) {
      this.#watch();
      await this.#perform(line);
    }
    this.#isBusy = false;
    this.#watch();
  }

  async #perform(line: string): Promise<void> {
    const [word = '', ...rest] = line.split(' ');
    const verb = word.toUpperCase();
    const known = VERBS.get(verb);
    this.#parts.log.trace('server.command', { address: this.#parts.peer, verb });
    try {
      if (known === undefined) this.reply(/^[A-Z]{3,4}$/.test(verb) ? '502 Not implemented.' : '500 Not understood.');
      else if (this.#user === null && !known.isForAnyone) this.reply('530 Log in with USER and PASS.');
      else {
        const reply = await known.perform(this, rest.join(' '));
        if (reply !== null) this.reply(reply);
      }
    } catch (error) {
      const why = error instanceof FlashError ? error.code : String(error);
      this.#parts.log.error('server.failed', { address: this.#parts.peer, verb, reason: why });
      this.reply('451 It cannot be read now.');
    }
    if (!KEEP_RESTART.has(verb)) this.restartAt = 0;
  }

  /** Whether all was handed over; `onEnd` is told later, when the device has closed its end as well. */
  async #send(
    bytes: Uint8Array,
    opening: string,
    onProgress: (sentBytes: number) => void,
    onEnd: (end: TransferEnd) => void = () => undefined,
  ): Promise<{ readonly isWhole: boolean; readonly reply: string }> {
    const { clock, settings } = this.#parts;
    const channel = this.#channel;
    const failed = (why: string, reply: string) => {
      onEnd({ kind: 'broken', sentBytes: 0, why });
      return { isWhole: false, reply };
    };
    if (channel === null)
      return failed('there was no data connection', '425 Ask for one first: PASV, EPSV, PORT, EPRT.');
    this.reply(`150 ${opening}`);
    this.#idle?.cancel();
    try {
      const socket = await channel.connected();
      const transfer = new Transfer(socket, bytes, { clock, idleMs: settings.dataIdleMs }, onProgress);
      this.#transfer = transfer;
      this.#parts.onTransfer(transfer, transfer.ended().then(onEnd));
      const isWhole = await transfer.run();
      return { isWhole, reply: isWhole ? '226 Transfer complete.' : '426 The data connection broke off.' };
    } catch {
      return failed('the data connection did not come about', '425 The data connection did not come about.');
    } finally {
      this.#channel = null;
    }
  }

  /** Silence between commands. While something is sent the transfer itself is watched. */
  #watch(): void {
    this.#idle?.cancel();
    const { clock, settings } = this.#parts;
    const remainingMs = LOGIN_WITHIN_MS - (clock.monotonic() - this.#beganMs);
    const limitMs = this.#user === null ? Math.max(0, remainingMs) : settings.idleMs;
    this.#idle = clock.setTimer(limitMs, () => {
      this.quit('421 Silent for too long.');
      this.#socket.destroySoon();
    });
  }

  #close(): void {
    this.#idle?.cancel();
    this.dropChannel();
  }
}

function withProgramOf(root: FolderEntry, older: FolderEntry): FolderEntry {
  const entries = root.entries.flatMap((entry): Entry[] => {
    if (entry.kind === 'folder') {
      const same = older.entries.find(({ kind, name }) => kind === 'folder' && name === entry.name);
      return [same?.kind === 'folder' ? withProgramOf(entry, same) : entry];
    }
    return entry.kind === 'program' ? [] : [entry];
  });
  return { ...root, entries: [...entries, ...older.entries.filter(({ kind }) => kind === 'program')] };
}

function isSame(given: string, right: string): boolean {
  const [left, other] = [given, right].map((text) => createHash('sha256').update(text, 'latin1').digest());
  return left !== undefined && other !== undefined && timingSafeEqual(left, other);
}

function revealed({ password }: FtpUser): string {
  return Buffer.from(password.reveal(), 'utf8').toString('latin1');
}
