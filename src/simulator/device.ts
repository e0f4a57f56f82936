import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Clock, Timer } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Link } from './connection.ts';
import { CORE_FACTS, type Core, type CoreFacts, type Timings } from './cores.ts';
import { DelayLine } from './delay-line.ts';
import type { DeviceCounts, DeviceEvent, DeviceSpec, Installed } from './device-spec.ts';
import { comebackOf, type Faults } from './faults.ts';
import type { Outcome, Peer } from './listener.ts';
import { type Login, loginFromPassword } from './login.ts';
import type { MdnsResponder, Publication } from './mdns-responder.ts';
import { type Board, Sketch, type SketchHost } from './sketch.ts';
import type { InstalledImage } from './updater.ts';

/** What a device stands in. */
export interface Surroundings {
  readonly clock: Clock;
  readonly log: Logger;
  readonly responder: MdnsResponder | null;
  /** mDNS service type without underscore: `arduino`. */
  readonly service: string;
  readonly onEvent: (device: SimulatedDevice, event: DeviceEvent) => void;
}

/** What a device keeps when its power goes: settings, flash, and its place on the network. */
export class SimulatedDevice {
  readonly name: string;
  readonly core: Core;
  readonly counts: DeviceCounts = {
    datagrams: 0,
    invitations: 0,
    wrongLogins: 0,
    uploadsBegun: 0,
    uploadsFinished: 0,
    bytesReceived: 0,
    starts: 0,
  };
  /** Every image that the device took, oldest first; one that a bootloader then refused is among them. */
  readonly installed: Installed[] = [];

  readonly #spec: DeviceSpec;
  readonly #facts: CoreFacts;
  readonly #login: Login | null;
  readonly #faults: Faults;
  readonly #timings: Timings;
  readonly #link: Link;
  readonly #around: Surroundings;
  readonly #log: Logger;
  readonly #inbound: DelayLine<{ readonly bytes: Uint8Array; readonly from: Peer }>;
  readonly #outbound: DelayLine<{ readonly text: string; readonly to: Peer }>;
  #socket: Socket;
  #place: Peer;
  #running: Installed | null = null;
  #staged: Installed | null = null;
  #publication: Publication | null = null;
  /** The sketch that runs, and the power it runs on; null while the device is off the network. */
  #life: { readonly sketch: Sketch; readonly power: AbortController } | null = null;
  /** What former lives left behind on the network. */
  #remains = new AbortController();
  #powerTimer: Timer | null = null;
  #sentDatagrams = 0;

  private constructor(spec: DeviceSpec, around: Surroundings, socket: Socket) {
    this.name = spec.name;
    this.core = spec.core;
    this.#spec = spec;
    this.#facts = CORE_FACTS[spec.core];
    this.#login = loginOf(spec, this.#facts.login);
    this.#faults = spec.faults ?? {};
    this.#timings = { ...this.#facts.timings, ...spec.timings };
    this.#link = { delayMs: 0, windowBytes: this.#facts.windowBytes, bytesPerSecond: null, ...spec.link };
    this.#around = around;
    this.#log = around.log.child({ device: spec.name });
    const { delayMs } = this.#link;
    this.#inbound = new DelayLine(around.clock, delayMs, (datagram) => this.#life?.sketch.receive(datagram));
    this.#outbound = new DelayLine(around.clock, delayMs, ({ text, to }) => this.#transmit(text, to));
    this.#socket = socket;
    this.#place = this.#listen(socket);
  }

  /** Binds the OTA port. Rejects with the system's error, EADDRINUSE for one, when it cannot be had. */
  static async make(spec: DeviceSpec & { readonly address: string }, around: Surroundings): Promise<SimulatedDevice> {
    const socket = await bindUdp(spec.address, spec.port ?? CORE_FACTS[spec.core].otaPort);
    const device = new SimulatedDevice(spec, around, socket);
    if (spec.power !== 'off') device.powerOn();
    return device;
  }

  get address(): string {
    return this.#place.address;
  }

  get port(): number {
    return this.#place.port;
  }

  /** On the network, and listening unless an update keeps it busy. */
  get isOnline(): boolean {
    return this.#life !== null;
  }

  get isUpdating(): boolean {
    return this.#life?.sketch.isUpdating ?? false;
  }

  /** The application it runs, once it was updated; null: the one it was made with. */
  get running(): Installed | null {
    return this.#running;
  }

  /** Starts the device: it is on the network at once, and announces itself. */
  powerOn(): void {
    if (this.#life !== null) return;
    const comeback = comebackOf(this.#faults, this.#staged);
    if (this.#staged?.kind === 'app' && comeback.kind !== 'old-image') this.#running = this.#staged;
    this.#staged = null;
    this.#remains.abort();
    this.#remains = new AbortController();
    const power = new AbortController();
    const life = { power: power.signal, forgotten: this.#remains.signal };
    this.#life = { power, sketch: new Sketch(this.#board(), this.#sketchHost(), life) };
    this.counts.starts += 1;
    this.#publish();
    this.#tell('online');
    this.#limitLife();
  }

  /** Takes the device off the network, whatever it is doing; with `goodbye` it says so by mDNS, as few devices do. */
  powerOff(how: { readonly goodbye: boolean } = { goodbye: false }): void {
    this.#powerTimer?.cancel();
    if (this.#life === null) return;
    this.#publication?.withdraw(how);
    this.#publication = null;
    this.#life.power.abort();
    this.#life = null;
    this.#tell('offline');
  }

  /** Switches off and gives the port back. */
  async close(): Promise<void> {
    this.powerOff();
    this.#remains.abort();
    this.#inbound.cut();
    this.#outbound.cut();
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #board(): Board {
    return {
      core: this.core,
      facts: this.#facts,
      timings: this.#timings,
      link: this.#link,
      faults: this.#faults,
      login: this.#login,
      address: this.address,
      appSpaceBytes: this.#spec.appSpaceBytes ?? this.#facts.appSpaceBytes,
      filesystemSpaceBytes: this.#spec.filesystemSpaceBytes ?? this.#facts.filesystemSpaceBytes,
    };
  }

  #sketchHost(): SketchHost {
    return {
      clock: this.#around.clock,
      log: this.#log,
      send: (text, to) => this.#send(text, to),
      onSeen: (seen) => this.#countDatagram(seen),
      onUploadBegun: () => {
        this.#tell('upload-begun');
        this.counts.uploadsBegun += 1;
        return this.counts.uploadsBegun;
      },
      onBytes: (sizeBytes) => {
        this.counts.bytesReceived += sizeBytes;
      },
      onUploadFailed: () => this.#tell('upload-failed'),
      onInstalled: (image) => this.#install(image),
      restart: () => this.#restart(),
    };
  }

  #publish(): void {
    if (this.#spec.mdns === false || this.#around.responder === null) return;
    const instance = {
      service: this.#around.service,
      name: this.name,
      ...this.#place,
      txt: {
        board: this.#spec.board ?? this.#facts.board,
        tcp_check: 'no',
        ssh_upload: 'no',
        auth_upload: this.#login === null ? 'no' : 'yes',
        ...this.#versionSaid(),
      },
      probeEveryMs: this.#timings.probeEveryMs,
      announcements: { times: this.#facts.announcements, everyMs: this.#timings.announceEveryMs },
      srvTtlSeconds: this.#facts.srvTtlSeconds,
    };
    this.#publication = this.#around.responder.publish(instance, () => this.#tell('announced'));
  }

  #versionSaid(): Readonly<Record<string, string>> {
    const { versionKey } = this.#spec;
    const version = this.#running?.version ?? null;
    return versionKey === undefined || version === null ? {} : { [versionKey]: version };
  }

  /** Takes the socket's datagrams from now on; tells where it is bound. */
  #listen(socket: Socket): Peer {
    socket.on('message', (bytes, from) => this.#overhear(bytes, from));
    // Nobody listens at the other end: a datagram lost.
    socket.on('error', () => undefined);
    const { address, port } = socket.address();
    return { address, port };
  }

  /** A device that is off keeps its port bound: a closed one would be answered by the system, which no device does. */
  #overhear(bytes: Uint8Array, { address, port }: RemoteInfo): void {
    if (this.#life === null) return;
    this.counts.datagrams += 1;
    if (this.#faults.loseIncoming?.includes(this.counts.datagrams)) return;
    this.#inbound.push({ bytes, from: { address, port } });
  }

  #countDatagram(seen: Outcome['seen']): void {
    this.#log.debug('sim.datagram', { seen });
    if (seen === 'wrong-login') this.counts.wrongLogins += 1;
    if (seen !== 'invitation') return;
    this.counts.invitations += 1;
    this.#tell('invited');
  }

  #send(text: string, to: Peer): void {
    this.#sentDatagrams += 1;
    if (this.#faults.loseOutgoing?.includes(this.#sentDatagrams)) return;
    this.#outbound.push({ text: this.#faults.udpReply ?? text, to });
  }

  #transmit(text: string, to: Peer): void {
    if (this.isOnline) this.#socket.send(text, to.port, to.address, () => undefined);
  }

  #install(image: InstalledImage): void {
    const installed: Installed = { ...image, atMs: this.#around.clock.now() };
    this.installed.push(installed);
    this.#staged = installed;
    this.counts.uploadsFinished += 1;
    this.#tell('installed');
  }

  #restart(): void {
    this.#tell('restarting');
    this.powerOff();
    const comeback = comebackOf(this.#faults, this.#staged);
    if (comeback.kind === 'never') return;
    this.#setPowerTimer(this.#timings.bootMs, () => {
      if (comeback.kind === 'moved') void this.#move(comeback);
      else this.powerOn();
    });
  }

  async #move({ address, port }: Peer): Promise<void> {
    const former = this.#socket;
    try {
      this.#socket = await bindUdp(address, port);
    } catch (cause) {
      this.#log.error('sim.broken', { cause });
      return;
    }
    former.close();
    this.#place = this.#listen(this.#socket);
    this.powerOn();
  }

  /** Not every device stays on the network. */
  #limitLife(): void {
    const { asleep } = this.#faults;
    const habit = comebackOf(this.#faults, this.#running);
    const restart = (afterMs: number) => this.#setPowerTimer(afterMs, () => this.powerOn());
    if (habit.kind === 'loops') this.#leaveAfter(habit.afterMs, () => restart(this.#timings.bootMs));
    else if (habit.kind === 'vanishes') this.#leaveAfter(habit.afterMs, () => undefined);
    else if (asleep) this.#leaveAfter(asleep.awakeMs, () => restart(asleep.everyMs - asleep.awakeMs));
  }

  #leaveAfter(afterMs: number, then: () => void): void {
    this.#setPowerTimer(afterMs, () => {
      if (this.isUpdating) return this.#leaveAfter(afterMs, then);
      this.powerOff();
      then();
    });
  }

  #setPowerTimer(delayMs: number, act: () => void): void {
    this.#powerTimer?.cancel();
    this.#powerTimer = this.#around.clock.setTimer(delayMs, act);
  }

  #tell(event: DeviceEvent): void {
    this.#log.debug(`sim.${event}`);
    this.#around.onEvent(this, event);
  }
}

function loginOf({ password, passwordHash }: DeviceSpec, scheme: Login['scheme']): Login | null {
  if (passwordHash !== undefined) return { scheme, storedHash: passwordHash };
  return password === undefined ? null : loginFromPassword(scheme, password);
}

function bindUdp(address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', (cause) => {
      socket.close();
      reject(cause);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}
