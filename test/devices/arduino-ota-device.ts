import { createHash, pbkdf2Sync, randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * The device side of ArduinoOTA, for tests of the client: a second writing of `_onRx` and `_runUpdate` (libraries/ArduinoOTA of
 * esp8266/Arduino and espressif/arduino-esp32), with faults to order. It shares no code with src/.
 */
export interface DeviceScript {
  readonly core?: 'esp8266' | 'esp32';
  readonly address?: string;
  readonly password?: string;
  /** How a sketch with a password asks. `sha256-of-md5`: a core 3.3.1 sketch with an old stored hash. */
  readonly login?: 'md5' | 'sha256' | 'sha256-of-md5';
  /** Sends nothing of what it says by UDP, the first n times. */
  readonly loseReplies?: number;
  /** Does not get the first n datagrams. */
  readonly loseDatagrams?: number;
  /** Says each `AUTH` twice. */
  readonly repeatAuth?: boolean;
  /** Starts in WAITAUTH, as after a client that died there. */
  readonly startsInLogin?: boolean;
  /** Its sketch blocks so long; datagrams wait and are then worked off one after the other. */
  readonly busyMs?: number;
  /** Says this in place of `OK`, and does not connect. */
  readonly refuses?: string;
  readonly neverConnects?: boolean;
  /** Connects from another address first. */
  readonly strangerFirst?: string;
  /** After so many bytes … */
  readonly resetAt?: number;
  readonly closeAt?: number;
  readonly stallAt?: number;
  readonly sayAt?: { readonly bytes: number; readonly text: string };
  /** In place of the verdict: pieces, sent one after the other. `null` closes without a word. */
  readonly result?: readonly string[] | null;
  readonly resultPauseMs?: number;
  /** Keeps the connection open and silent in place of the verdict. */
  readonly silentAtEnd?: boolean;
  /** `late`: together, every 150 ms. A number: together, each time that it has read so many bytes more. */
  readonly saysCounts?: 'never' | 'late' | number;
  /** Time for each read. */
  readonly readMs?: number;
  /** Bytes of each read at most. */
  readonly readBytes?: number;
  /** Added to each way of the TCP connection. */
  readonly delayMs?: number;
}

/** Prints the size of each read, at once or gathered. */
class Counts {
  readonly #when: DeviceScript['saysCounts'];
  readonly #print: (text: string) => void;
  #gathered = '';
  #unsaidBytes = 0;

  constructor(when: DeviceScript['saysCounts'], print: (text: string) => void) {
    this.#when = when;
    this.#print = print;
  }

  say(count: number): void {
    if (this.#when === 'never') return;
    if (this.#when === 'late' && this.#gathered === '') setTimeout(() => this.flush(), 150);
    this.#gathered += count;
    this.#unsaidBytes += count;
    const isTime = this.#when === undefined || (typeof this.#when === 'number' && this.#unsaidBytes >= this.#when);
    if (isTime) this.flush();
  }

  flush(): void {
    if (this.#gathered !== '') this.#print(this.#gathered);
    this.#gathered = '';
    this.#unsaidBytes = 0;
  }
}

export class ArduinoOtaDevice {
  /** The text of each datagram it got, in order. */
  readonly heard: string[] = [];
  readonly received: Buffer[] = [];
  receivedBytes = 0;
  connections = 0;
  isConnected = false;
  readonly address: string;
  port = 0;
  readonly #script: DeviceScript;
  readonly #udp: UdpSocket = createSocket('udp4');
  readonly #sockets = new Set<Socket>();
  #state: 'idle' | 'waitauth' | 'update' = 'idle';
  #invitation = { tcpPort: 0, sizeBytes: 0, md5: '' };
  #nonce = '';
  #toLose: number;
  #repliesToLose: number;

  constructor(script: DeviceScript) {
    this.#script = script;
    this.address = script.address ?? '127.0.0.1';
    this.#toLose = script.loseDatagrams ?? 0;
    this.#repliesToLose = script.loseReplies ?? 0;
    if (script.startsInLogin) this.#state = 'waitauth';
  }

  static async start(script: DeviceScript): Promise<ArduinoOtaDevice> {
    const device = new ArduinoOtaDevice(script);
    device.#udp.bind(0, device.address);
    await once(device.#udp, 'listening');
    device.port = device.#udp.address().port;
    void device.#loop();
    return device;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#udp.close();
    await once(this.#udp, 'close');
  }

  image(): Buffer {
    return Buffer.concat(this.received);
  }

  async #loop(): Promise<void> {
    const waiting: { text: string; from: RemoteInfo }[] = [];
    const busyUntil = Date.now() + (this.#script.busyMs ?? 0);
    const workOff = async () => {
      await pause(Math.max(0, busyUntil - Date.now()));
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await this.#onDatagram(next);
    };
    let work = Promise.resolve();
    this.#udp.on('message', (datagram, from) => {
      const text = datagram.toString('latin1');
      this.heard.push(text);
      if (this.#toLose > 0) {
        this.#toLose -= 1;
        return;
      }
      if (this.#state === 'update') return;
      waiting.push({ text, from });
      work = work.then(workOff);
    });
  }

  async #onDatagram({ text, from }: { text: string; from: RemoteInfo }): Promise<void> {
    const fields = text.trim().split(' ');
    if (this.#state === 'waitauth') {
      this.#state = 'idle';
      if (fields[0] !== '200') return;
      if (fields[2] === this.#expectedResponse(fields[1] ?? '')) this.#accept(from);
      else this.#say('Authentication Failed', from);
      return;
    }
    if (this.#state !== 'idle' || (fields[0] !== '0' && fields[0] !== '100')) return;
    if (fields[3]?.length !== 32) return;
    this.#invitation = { tcpPort: Number(fields[1]), sizeBytes: Number(fields[2]), md5: fields[3] };
    if (this.#script.password === undefined) {
      this.#accept(from);
      return;
    }
    this.#nonce = randomBytes(this.#script.login === undefined || this.#script.login === 'md5' ? 16 : 32).toString(
      'hex',
    );
    this.#state = 'waitauth';
    this.#say(`AUTH ${this.#nonce}`, from);
    if (this.#script.repeatAuth) this.#say(`AUTH ${this.#nonce}`, from);
  }

  #expectedResponse(cnonce: string): string {
    const { password = '', login = 'md5' } = this.#script;
    const hex = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');
    if (login === 'md5') return hex('md5', `${hex('md5', password)}:${this.#nonce}:${cnonce}`);
    const stored = hex(login === 'sha256' ? 'sha256' : 'md5', password);
    const key = pbkdf2Sync(stored, `${this.#nonce}:${cnonce}`, 10_000, 32, 'sha256').toString('hex');
    return hex('sha256', `${key}:${this.#nonce}:${cnonce}`);
  }

  #say(text: string, to: RemoteInfo): void {
    if (this.#repliesToLose > 0) {
      this.#repliesToLose -= 1;
      return;
    }
    this.#udp.send(text, to.port, to.address);
  }

  #accept(from: RemoteInfo): void {
    this.#say(this.#script.refuses ?? 'OK', from);
    if (this.#script.refuses !== undefined) return;
    if (this.#script.neverConnects) return;
    this.#state = 'update';
    void this.#update(from.address).finally(() => {
      this.#state = 'idle';
    });
  }

  async #connect(host: string, localAddress: string): Promise<Socket> {
    const socket = connect({ host, port: this.#invitation.tcpPort, localAddress, noDelay: true });
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    this.connections += 1;
    return socket;
  }

  async #update(host: string): Promise<void> {
    if (this.#script.strangerFirst !== undefined) {
      await this.#connect(host, this.#script.strangerFirst).catch(() => undefined);
    }
    const socket = await this.#connect(host, this.address).catch(() => null);
    if (socket === null) return;
    this.isConnected = true;
    socket.once('close', () => {
      this.isConnected = false;
    });
    await this.#take(socket);
  }

  async #take(socket: Socket): Promise<void> {
    const { script, size } = { script: this.#script, size: this.#invitation.sizeBytes };
    const print = async (text: string) => {
      if (script.delayMs) await pause(script.delayMs);
      if (socket.writable) socket.write(text);
    };
    const counts = new Counts(script.saysCounts, (text) => void print(text));
    const input: Buffer[] = [];
    let wake = (): void => undefined;
    let isOver = false;
    socket.on('data', (bytes) => {
      const arrive = () => {
        input.push(bytes);
        wake();
      };
      if (script.delayMs) setTimeout(arrive, script.delayMs);
      else arrive();
    });
    socket.on('close', () => {
      isOver = true;
      wake();
    });
    const most = script.readBytes ?? (script.core === 'esp8266' ? Number.POSITIVE_INFINITY : 1460);
    while (this.receivedBytes < size && !isOver) {
      if (input.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const all = Buffer.concat(input.splice(0));
      const room = Math.min(most, size - this.receivedBytes, this.#untilFault());
      const piece = all.subarray(0, room);
      if (all.length > piece.length) input.unshift(all.subarray(piece.length));
      this.received.push(piece);
      this.receivedBytes += piece.length;
      if (script.readMs) await pause(script.readMs);
      if (await this.#fault(socket)) return;
      if (piece.length > 0) counts.say(piece.length);
    }
    counts.flush();
    if (isOver) return;
    await this.#verdict(socket, print);
  }

  #untilFault(): number {
    const { resetAt, closeAt, stallAt, sayAt } = this.#script;
    const points = [resetAt, closeAt, stallAt, sayAt?.bytes].filter((at) => at !== undefined);
    return Math.min(...points.map((at) => at - this.receivedBytes), Number.POSITIVE_INFINITY);
  }

  async #fault(socket: Socket): Promise<boolean> {
    if (this.#untilFault() > 0) return false;
    const { resetAt, closeAt, sayAt } = this.#script;
    if (resetAt === this.receivedBytes) socket.resetAndDestroy();
    if (closeAt === this.receivedBytes) socket.end();
    if (sayAt?.bytes === this.receivedBytes) socket.end(sayAt.text);
    // Not events.once: it would reject on the reset that is expected here.
    if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    return true;
  }

  async #verdict(socket: Socket, print: (text: string) => Promise<void>): Promise<void> {
    const { result, resultPauseMs = 0, silentAtEnd } = this.#script;
    if (silentAtEnd) return;
    if (result === null) {
      socket.end();
      return;
    }
    const md5 = createHash('md5').update(this.image()).digest('hex');
    const pieces = result ?? [md5 === this.#invitation.md5 ? 'OK' : 'MD5 Check Failed\r\n'];
    for (const piece of pieces) {
      await pause(resultPauseMs);
      await print(piece);
    }
    socket.end();
  }
}
