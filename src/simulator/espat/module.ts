import type { Server } from 'node:http';
import type { FlashMap } from '../../model/image.ts';
import type { HostListener, Medium } from '../chip/medium.ts';
import {
  askVersion,
  download,
  type FetchTimes,
  fetchUrl,
  openConnection,
  type Received,
  type ServerPlace,
} from './fetch.ts';
import { GENERATIONS, type Generation, type GenerationName } from './generations.ts';
import { type Boot, bootEsp8266, type KnownFirmware, passesUpgradeCheck } from './slots.ts';
import { openWebUpload } from './web-upload.ts';

/** What is wrong with a module; any of them can be combined. */
export interface ModuleFaults {
  /** Says nothing at all. */
  readonly silent?: boolean;
  /** From this report of the update on (`+CIPUPDATE:n`) it says nothing any more. */
  readonly silentAfterReport?: 1 | 2 | 3 | 4;
  /** The name of the server is not found. */
  readonly noName?: boolean;
  /** What AT+CWJAP fails with (1 time, 2 password, 3 no such network, 4 failed). */
  readonly join?: 1 | 2 | 3 | 4;
  /** Says OK to the update and never starts again. */
  readonly neverReady?: boolean;
  /** Says OK and starts the old slot again. */
  readonly startsOldSlot?: boolean;
  /** Prints `busy p...` to the first so many commands. */
  readonly busyTimes?: number;
  /** Answers each command so much later, one after another. */
  readonly lateMs?: number;
  /** Prints only what its bootloader says, over and over. */
  readonly bootLoop?: string;
}

/** One module, with the firmware it comes with. */
export interface ModuleSpec {
  readonly name: string;
  readonly generation: GenerationName;
  readonly flashMap?: FlashMap;
  /** The slot that runs. Default 1. */
  readonly slot?: 1 | 2;
  readonly baudRate?: number;
  readonly server: ServerPlace;
  /** Firmware that would run if it were started. */
  readonly known?: readonly KnownFirmware[];
  readonly network?: { readonly ssid: string; readonly password: string; readonly isJoined?: boolean };
  readonly faults?: ModuleFaults;
  readonly times?: Partial<FetchTimes & { readonly rebootMs: number }>;
}

const TIMES = { connectMs: 2_000, versionMs: 2_000, downloadMs: 10_000, rebootMs: 20 };
const BOOT_BAUD = 74_880;
const NETWORK = { ssid: 'bench', password: 'secret12', isJoined: false };
const ADDRESS = '127.0.0.1';

/** A module with AT firmware on a serial line, with two firmware slots and a way to a server. */
export class SimulatedModule {
  readonly name: string;
  /** What the host sent, line by line. */
  readonly heard: string[] = [];
  readonly #spec: ModuleSpec;
  readonly #generation: Generation;
  readonly #times: typeof TIMES;
  readonly #slots: [Uint8Array | null, Uint8Array | null] = [null, null];
  #medium: Medium | null = null;
  #hostBaud: number | null = null;
  #line = '';
  #running: 1 | 2;
  #gmr: string;
  #isEchoing = true;
  #isBusy = false;
  #isDead = false;
  #mode = 2;
  #busyLeft: number;
  #url: { length: number; text: string } | null = null;
  #web: Server | null = null;
  #loop: NodeJS.Timeout | null = null;

  constructor(spec: ModuleSpec) {
    this.#spec = spec;
    this.name = spec.name;
    this.#generation = GENERATIONS[spec.generation];
    this.#times = { ...TIMES, ...spec.times };
    this.#running = spec.slot ?? 1;
    this.#gmr = this.#generation.gmr;
    this.#isDead = spec.faults?.silent ?? false;
    this.#busyLeft = spec.faults?.busyTimes ?? 0;
    this.#isJoined = spec.network?.isJoined ?? NETWORK.isJoined;
  }

  #isJoined: boolean;

  /** What the slots hold that were written by an update; null: what was there before. */
  get slots(): readonly (Uint8Array | null)[] {
    return this.#slots;
  }

  get running(): 1 | 2 {
    return this.#running;
  }

  get gmr(): string {
    return this.#gmr;
  }

  get isRunning(): boolean {
    return !this.#isDead;
  }

  get host(): HostListener {
    return {
      opened: () => this.#opened(),
      received: (bytes) => this.#received(Buffer.from(bytes)),
      linesSet: () => undefined,
      baudRateSet: (baudRate) => {
        this.#hostBaud = baudRate;
      },
    };
  }

  connect(medium: Medium): void {
    this.#medium = medium;
  }

  async stop(): Promise<void> {
    if (this.#loop !== null) clearInterval(this.#loop);
    this.#web?.close();
    this.#web?.closeAllConnections();
    await this.#medium?.close();
  }

  get #baudRate(): number {
    return this.#spec.baudRate ?? this.#generation.baudRate;
  }

  #opened(): void {
    const { bootLoop } = this.#spec.faults ?? {};
    if (bootLoop === undefined) return;
    this.#isDead = true;
    this.#printOver(bootLoop);
  }

  /** A chip that does not start is started again by its watchdog. */
  #printOver(text: string): void {
    const print = () => this.#say(`\r\n ets Jan  8 2013,rst cause:4, boot mode:(3,6)\r\n\r\n${text}`, BOOT_BAUD);
    print();
    this.#loop ??= setInterval(print, 150);
  }

  /** What is read at another rate than it was sent at is noise. */
  #say(text: string, baudRate = this.#baudRate): void {
    const bytes = Buffer.from(text, 'latin1');
    const isNoise = this.#hostBaud !== null && this.#hostBaud !== baudRate;
    this.#medium?.deliver(isNoise ? bytes.map((byte) => (byte ^ 0xa5) | 0x80) : bytes);
  }

  #received(bytes: Buffer): void {
    if (this.#isDead) return;
    if (this.#hostBaud !== null && this.#hostBaud !== this.#baudRate) return;
    for (const byte of bytes) this.#takeByte(String.fromCharCode(byte));
  }

  #takeByte(character: string): void {
    if (this.#url !== null) {
      this.#takeUrl(character);
      return;
    }
    if (this.#isEchoing && character !== '\n') this.#say(character);
    this.#line += character;
    if (!this.#line.endsWith('\r\n')) return;
    const line = this.#line.slice(0, -2);
    this.#line = '';
    this.heard.push(line);
    if (this.#isBusy || this.#busyLeft-- > 0) {
      this.#say('\r\nbusy p...\r\n');
      return;
    }
    this.#isBusy = true;
    void this.#perform(line).then((reply) => {
      this.#isBusy = false;
      if (reply !== null) this.#answer(reply);
    });
  }

  #answer(reply: string): void {
    const { lateMs } = this.#spec.faults ?? {};
    if (lateMs === undefined) this.#say(reply);
    else setTimeout(() => this.#say(reply), lateMs);
  }

  /** It says OK before it goes. */
  get #restartMs(): number {
    return this.#times.rebootMs + (this.#spec.faults?.lateMs ?? 0);
  }

  async #perform(line: string): Promise<string | null> {
    const [, command = '', given = ''] = /^([A-Za-z0-9+_]*\??)=?(.*)$/.exec(line) ?? [];
    switch (command) {
      case 'AT':
        return OK;
      case 'ATE0':
      case 'ATE1':
        this.#isEchoing = command === 'ATE1';
        return OK;
      case 'AT+GMR':
        return `\r\n${this.#gmr}\r\n${OK}`;
      case 'AT+RST':
        setTimeout(() => this.#start(), this.#restartMs);
        return OK;
      case 'AT+CIFSR':
        return this.#address();
      case 'AT+CWMODE?':
        return `\r\n+CWMODE:${this.#mode}\r\n${OK}`;
      case 'AT+CIUPDATE':
        return this.#generation.hasCiupdate ? await this.#update() : ERROR;
      default:
        return this.#set(command, given);
    }
  }

  #set(command: string, given: string): string | null {
    const { family, hasUserOta, hasWebServer } = this.#generation;
    const current = family === 'nonos' ? '_CUR' : '';
    if (command === 'AT+CWMODE' || command === `AT+CWMODE${current}`) {
      this.#mode = Number(given);
      return OK;
    }
    if (command === 'AT+CWJAP' || command === `AT+CWJAP${current}`) return this.#join(given);
    if (command === `AT+CIPDNS${current}` && family !== 'old') return OK;
    if (command === 'AT+USEROTA' && hasUserOta) {
      this.#url = { length: Number(given), text: '' };
      return `${OK}\r\n>`;
    }
    if (command === 'AT+WEBSERVER' && hasWebServer) return this.#openWeb(given);
    return ERROR;
  }

  #join(given: string): string {
    const { family } = this.#generation;
    const { ssid, password } = this.#spec.network ?? NETWORK;
    const quoted = (text: string) => `"${text.replaceAll(/[\\",]/g, (character) => `\\${character}`)}"`;
    const right = given === `${quoted(ssid)},${quoted(password)}`;
    const failure = this.#spec.faults?.join ?? (right ? null : 2);
    if (failure !== null) return family === 'old' ? '\r\nFAIL\r\n' : `\r\n+CWJAP:${failure}\r\n\r\nFAIL\r\n`;
    this.#isJoined = true;
    return family === 'old' ? OK : `WIFI CONNECTED\r\nWIFI GOT IP\r\n${OK}`;
  }

  #address(): string {
    const address = this.#isJoined ? ADDRESS : '0.0.0.0';
    const line = this.#generation.family === 'old' ? address : `+CIFSR:STAIP,"${address}"`;
    return `\r\n${line}\r\n${OK}`;
  }

  #report(n: 1 | 2 | 3 | 4): void {
    if (this.#isDead) return;
    this.#say(`+CIPUPDATE:${n}\r\n`);
    if (this.#spec.faults?.silentAfterReport === n) this.#isDead = true;
  }

  async #update(): Promise<string | null> {
    const { server, faults = {} } = this.#spec;
    const times = this.#times;
    if (!this.#isJoined || faults.noName) return ERROR;
    this.#report(1);
    const socket = await openConnection(server, times.connectMs);
    if (socket === null) return ERROR;
    this.#report(2);
    const version = await askVersion(socket, this.#generation, server, times);
    if (this.#isDead) return null;
    if (version === null) return ERROR;
    this.#report(3);
    const isEspAt = this.#generation.family === 'esp-at';
    if (!isEspAt) this.#report(4);
    const other = this.#running === 1 ? 2 : 1;
    const file = isEspAt ? 'ota.bin' : `user${other}.bin`;
    const received = await download(this.#generation, server, { version, file }, times);
    if (received === null || !this.#isAccepted(received, other)) return this.#isDead ? null : ERROR;
    if (isEspAt) this.#report(4);
    return this.#install(other, received.body);
  }

  /** Old libraries look at nothing. */
  #isAccepted({ body, lastSegmentBytes }: Received, slot: 1 | 2): boolean {
    const { family, checks } = this.#generation;
    if (!checks) return true;
    if (family === 'nonos') return body.length > 8 && passesUpgradeCheck(body, lastSegmentBytes, slot);
    return body[0] === 0xe9 && this.#spec.known?.some(({ bytes }) => body.equals(bytes)) === true;
  }

  #install(slot: 1 | 2, image: Buffer): string | null {
    this.#slots[slot - 1] = Buffer.from(image);
    if (this.#isDead) return null;
    if (this.#spec.faults?.startsOldSlot !== true) this.#running = slot;
    setTimeout(() => this.#start(), this.#restartMs);
    return OK;
  }

  #start(): void {
    if (this.#spec.faults?.neverReady) {
      this.#isDead = true;
      return;
    }
    const boot = this.#boot();
    if (!boot.runs) {
      this.#isDead = true;
      this.#printOver(boot.text);
      return;
    }
    this.#gmr = boot.gmr;
    this.#isEchoing = true;
    this.#line = '';
    const address = this.#running === 1 ? '1000' : '101000';
    this.#say(`\r\njump to run user${this.#running} @ ${address}\r\n`, BOOT_BAUD);
    this.#say('\r\nready\r\n');
  }

  #boot(): Boot {
    const image = this.#slots[this.#running - 1] ?? null;
    if (image === null) return { runs: true, gmr: this.#generation.gmr };
    const { known = [], flashMap = '512+512' } = this.#spec;
    if (this.#generation.family !== 'esp-at') return bootEsp8266(image, flashMap, known);
    const found = known.find(({ bytes }) => Buffer.from(bytes).equals(image));
    return found === undefined ? { runs: false, text: 'invalid header\r\n' } : { runs: true, gmr: found.gmr };
  }

  #takeUrl(character: string): void {
    const url = this.#url;
    if (url === null) return;
    url.text += character;
    if (url.text.length < url.length) return;
    this.#url = null;
    this.#say(`\r\nRecv ${url.length} bytes\r\n`);
    this.#isBusy = true;
    void fetchUrl(url.text, this.#times).then((received) => {
      this.#isBusy = false;
      const isGood = received !== null && this.#isAccepted(received, 2);
      const reply = isGood ? this.#install(this.#running === 1 ? 2 : 1, received.body) : ERROR;
      if (reply !== null) this.#say(reply);
    });
  }

  #openWeb(given: string): null {
    const onImage = (body: Buffer) => {
      const other = this.#running === 1 ? 2 : 1;
      if (!this.#isAccepted({ body, lastSegmentBytes: 4 }, other)) return false;
      this.#slots[other - 1] = body;
      this.#running = other;
      return true;
    };
    const upload = { onImage, onReport: (text: string) => this.#say(text) };
    this.#web = openWebUpload(Number(given.split(',')[1]), upload, (isOpen) => this.#say(isOpen ? OK : ERROR));
    return null;
  }
}

const OK = '\r\nOK\r\n';
const ERROR = '\r\nERROR\r\n';
