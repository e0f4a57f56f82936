import type { Socket } from 'node:net';
import type { Timer } from '../../clock.ts';
import { DataPort } from './data-port.ts';
import { Files } from './files.ts';
import type { PycomHost } from './pycom-spec.ts';
import type { Slots } from './slots.ts';

/** Longest command with its argument, and longest verb, that the device has room for. */
const COMMAND_BYTES = 135;
const VERB_BYTES = 5;

type Handler = (argument: string) => void;

/** One FTP session. One command is read from each segment; nothing is put together, and nothing behind the first line is read. */
export class FtpSession {
  readonly #host: PycomHost;
  readonly #slots: Slots;
  readonly #socket: Socket;
  readonly #data: DataPort;
  readonly #files = new Files();
  #user: 'none' | 'right' | 'wrong' = 'none';
  #isLoggedIn = false;
  #renameFrom: string | null = null;
  #idle: Timer | null = null;

  constructor(socket: Socket, host: PycomHost, slots: Slots) {
    this.#socket = socket;
    this.#host = host;
    this.#slots = slots;
    this.#data = new DataPort(host, {
      // Deaf while it waits for the data connection: what is sent meanwhile stays where it is.
      busy: () => socket.pause(),
      free: () => socket.resume(),
    });
    host.counts.ftpSessions += 1;
    socket.on('data', (segment: Buffer) => this.#segment(segment.toString('latin1')));
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.close());
    this.#reply(220, 'Micropython FTP Server');
  }

  close(): void {
    this.#idle?.cancel();
    this.#data.close();
  }

  #reply(code: number, text = ''): void {
    this.#idle?.cancel();
    this.#idle = this.#host.clock.setTimer(this.#host.timings.idleMs, () => this.#quit());
    if (!this.#socket.destroyed) this.#socket.write(`${code} ${text}\r\n`);
  }

  #quit(): void {
    this.#reply(221);
    this.close();
    this.#socket.end();
  }

  #segment(segment: string): void {
    const end = segment.indexOf('\r\n');
    if (end !== segment.length - 2) this.#host.counts.violations.push(`not one command: ${JSON.stringify(segment)}`);
    const line = end === -1 ? segment : segment.slice(0, end);
    const [, verb = '', argument = ''] = /^([^ ]*) ?(.*)$/s.exec(line) ?? [];
    if (line.length > COMMAND_BYTES || verb.length > VERB_BYTES) {
      this.#host.counts.violations.push(`overflows: ${JSON.stringify(line.slice(0, 200))}`);
    }
    this.#command(verb.toUpperCase(), argument);
  }

  #command(verb: string, argument: string): void {
    const login = this.#logins[verb];
    const handler = login ?? this.#handlers[verb];
    if (login === undefined && !this.#isLoggedIn) this.#reply(332);
    else if (handler === undefined) this.#reply(502);
    else handler(argument);
  }

  readonly #logins: Readonly<Partial<Record<string, Handler>>> = {
    USER: (name) => {
      this.#user = name === (this.#host.spec.user ?? 'micro') ? 'right' : 'wrong';
      this.#reply(331);
    },
    PASS: (password) => {
      this.#isLoggedIn = this.#user === 'right' && password === (this.#host.spec.password ?? 'python');
      this.#reply(this.#isLoggedIn ? 230 : 530);
    },
    QUIT: () => this.#quit(),
  };

  readonly #handlers: Readonly<Partial<Record<string, Handler>>> = {
    FEAT: () => this.#reply(211, 'no-features'),
    SYST: () => this.#reply(215, 'UNIX Type: L8'),
    TYPE: () => this.#reply(200),
    NOOP: () => this.#reply(200),
    PWD: () => this.#reply(257, this.#files.folder),
    XPWD: () => this.#reply(257, this.#files.folder),
    CDUP: () => this.#changeFolder('..'),
    CWD: (path) => this.#changeFolder(path),
    SIZE: (path) => {
      const bytes = this.#files.read(this.#files.resolve(path));
      if (bytes === null) this.#reply(550);
      else this.#reply(213, `${bytes.length}`);
    },
    MDTM: (path) => {
      const isThere = this.#files.read(this.#files.resolve(path)) !== null;
      this.#reply(isThere ? 213 : 550, isThere ? '20211120214800' : '');
    },
    PASV: () => void this.#passive(),
    LIST: (path) => this.#send(Buffer.from(this.#listing(path))),
    RETR: (path) => {
      const bytes = this.#files.read(this.#files.resolve(path));
      if (bytes === null) this.#refuse(550);
      else this.#send(bytes);
    },
    STOR: (path) => void this.#store(path),
    DELE: (path) => this.#done(this.#files.remove(this.#files.resolve(path))),
    MKD: (path) => this.#done(this.#files.makeFolder(this.#files.resolve(path))),
    RMD: (path) => this.#done(this.#files.removeFolder(this.#files.resolve(path))),
    RNFR: (path) => {
      this.#renameFrom = this.#files.resolve(path);
      const isThere = this.#files.read(this.#renameFrom) !== null;
      this.#reply(isThere ? 350 : 550);
    },
    RNTO: (path) => this.#done(this.#files.rename(this.#renameFrom ?? '', this.#files.resolve(path))),
  };

  #done(isDone: boolean): void {
    this.#reply(isDone ? 250 : 550);
  }

  #changeFolder(path: string): void {
    const folder = this.#files.resolve(path);
    const isThere = this.#files.isFolder(folder);
    if (isThere) this.#files.folder = folder;
    this.#done(isThere);
  }

  #listing(path: string): string {
    const folder = this.#files.resolve(path === '' ? '.' : path);
    return this.#files
      .list(folder)
      .map((line) => `${line}\r\n`)
      .join('');
  }

  async #passive(): Promise<void> {
    const { faults = {} } = this.#host.spec;
    if (faults.passive === 'garbage') return this.#reply(227, '(,)');
    const port = await this.#data.listen(faults.passive === 'closed');
    const address = (faults.passiveAddress ?? '192.168.4.1').replaceAll('.', ',');
    this.#reply(227, `(${address},${port >> 8},${port & 255})`);
  }

  /** A 550, 451 or 426 closes the data connection. */
  #refuse(code: number): void {
    this.#data.close();
    this.#reply(code);
  }

  #send(bytes: Uint8Array): void {
    this.#reply(150);
    this.#data.send(bytes, () => this.#reply(226));
  }

  async #store(path: string): Promise<void> {
    const target = this.#files.resolve(path);
    const { mcu, faults = {} } = this.#host.spec;
    // Any other path or letter case is an ordinary file.
    const isImage = target === (mcu === 'CC3200' ? '/flash/sys/mcuimg.bin' : '/flash/sys/appimg.bin');
    if (isImage && faults.erase === 'fails') return this.#refuse(550);
    this.#reply(150);
    if (!this.#data.isConnected) this.#host.counts.violations.push('STOR without a data connection');
    else if (isImage) await this.#storeImage();
    else await this.#storeFile(target);
  }

  async #storeImage(): Promise<void> {
    const { counts, spec } = this.#host;
    const { upload } = spec.faults ?? {};
    counts.uploadsBegun += 1;
    const isFaulty = counts.uploadsBegun <= (upload?.uploads ?? Number.POSITIVE_INFINITY);
    const { bytes, end } = await this.#data.receive(isFaulty ? upload : undefined);
    if (end !== 'gone') this.#finish(bytes, end);
  }

  async #storeFile(target: string): Promise<void> {
    const { bytes, end } = await this.#data.receive(undefined);
    if (end === 'gone') return;
    if (end === 'whole' && !this.#files.write(target, bytes)) this.#refuse(550);
    else this.#reply(end === 'whole' ? 226 : 426);
  }

  /** However the data ended: what there is of it is marked for the next start. */
  #finish(bytes: Uint8Array, end: 'whole' | 'timed-out' | 'write-failed' | 'mute' | 'died'): void {
    const { counts, spec } = this.#host;
    counts.bytesReceived += bytes.length;
    if (end !== 'died') this.#slots.mark(bytes);
    const { result } = spec.faults ?? {};
    if (end === 'whole') counts.uploadsFinished += 1;
    if (end === 'timed-out') this.#refuse(426);
    else if (end === 'write-failed') this.#refuse(451);
    else if (end === 'died' || result === 'lost') this.#socket.resetAndDestroy();
    else if (end === 'whole' && result !== 'silent') this.#reply(226);
  }
}
