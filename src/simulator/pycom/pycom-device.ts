import type { Socket } from 'node:net';
import { type Clock, sleep } from '../../clock.ts';
import { FtpSession } from './ftp-server.ts';
import { PYCOM_TIMINGS, type PycomCounts, type PycomHost, type PycomSpec } from './pycom-spec.ts';
import { Slots } from './slots.ts';
import { TelnetSession } from './telnet-server.ts';
import { Turnstile } from './turnstile.ts';

/** A pretend Pycom module on the loopback interface, with the ports of its FTP and telnet servers. */
export class SimulatedPycom {
  readonly name: string;
  readonly address: string;
  readonly counts: PycomCounts = {
    violations: [],
    ftpSessions: 0,
    telnetSessions: 0,
    uploadsBegun: 0,
    uploadsFinished: 0,
    bytesReceived: 0,
    resets: 0,
  };
  readonly #host: PycomHost;
  readonly #slots: Slots;
  readonly #ports: { ftp: number; telnet: number };
  #ftp: Turnstile | null = null;
  #telnet: Turnstile | null = null;
  #sessions: { close(): void }[] = [];
  #mute: readonly Socket[] = [];
  readonly #over = new AbortController();
  #turning: Promise<void> = Promise.resolve();

  private constructor(spec: PycomSpec, address: string, ports: { ftp: number; telnet: number }, clock: Clock) {
    this.name = spec.name;
    this.address = address;
    this.#ports = ports;
    this.#slots = new Slots(spec);
    const timings = { ...PYCOM_TIMINGS, ...spec.timings };
    this.#host = { spec, timings, clock, counts: this.counts, address, banner: () => this.#slots.banner() };
  }

  /** Rejects with the system's error where an address or a port cannot be had. A port of 0 is any. */
  static async make(
    spec: PycomSpec,
    place: { readonly address: string; readonly ftpPort: number; readonly telnetPort: number },
    clock: Clock,
  ): Promise<SimulatedPycom> {
    const device = new SimulatedPycom(spec, place.address, { ftp: place.ftpPort, telnet: place.telnetPort }, clock);
    try {
      await device.#start();
    } catch (cause) {
      await device.close();
      throw cause;
    }
    return device;
  }

  get ftpPort(): number {
    return this.#ports.ftp;
  }

  get telnetPort(): number {
    return this.#ports.telnet;
  }

  /** Images that the device has started, in order. */
  get installed(): readonly Uint8Array[] {
    return this.#slots.installed;
  }

  /** What telnet greets with. */
  get banner(): string {
    return this.#slots.banner();
  }

  /** An image that did not fit ran over what stands behind the slot. */
  get isOverrun(): boolean {
    return this.#slots.isOverrun;
  }

  /** An upload is marked for the next start. */
  get isMarked(): boolean {
    return this.#slots.isMarked;
  }

  /** Off and on again, as by hand. */
  powerCycle(): Promise<void> {
    return this.#restart('break');
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#turning;
    await this.#stop('break');
    this.#forgetMute();
  }

  async #start(): Promise<void> {
    const { spec, address } = this.#host;
    const { busy, telnet } = spec.faults ?? {};
    const ftp = new Turnstile((socket) => this.#keep(new FtpSession(socket, this.#host, this.#slots)), busy === 'ftp');
    this.#ftp = ftp;
    this.#ports.ftp = await ftp.open(address, this.#ports.ftp);
    const shell = new Turnstile((socket) => this.#greet(socket), busy === 'telnet');
    this.#telnet = shell;
    this.#ports.telnet = await shell.open(address, this.#ports.telnet);
    if (telnet === 'off') await shell.close();
  }

  #greet(socket: Socket): void {
    if (this.#host.spec.faults?.reset === 'telnet-gone' && this.#slots.isMarked) {
      socket.resetAndDestroy();
      return;
    }
    this.#keep(new TelnetSession(socket, this.#host, { reset: () => void this.#reset() }));
  }

  #keep(session: { close(): void }): void {
    this.#sessions.push(session);
  }

  #reset(): Promise<void> {
    return this.#restart(this.#host.spec.faults?.reset === 'dead' ? 'mute' : 'break');
  }

  #restart(how: 'break' | 'mute'): Promise<void> {
    this.counts.resets += 1;
    this.#turning = this.#turning.then(() => this.#goDown(how));
    return this.#turning;
  }

  async #goDown(how: 'break' | 'mute'): Promise<void> {
    if (this.#over.signal.aborted) return;
    await this.#stop(how);
    this.#slots.boot();
    if (this.#host.spec.faults?.comeback === 'never') return;
    const { clock, timings } = this.#host;
    await sleep(clock, timings.bootMs, this.#over.signal).catch(() => undefined);
    this.#forgetMute();
    if (!this.#over.signal.aborted) await this.#start();
  }

  async #stop(how: 'break' | 'mute'): Promise<void> {
    for (const session of this.#sessions.splice(0)) session.close();
    const left = await Promise.all([this.#ftp?.close(how) ?? [], this.#telnet?.close(how) ?? []]);
    this.#ftp = null;
    this.#telnet = null;
    this.#mute = [...this.#mute, ...left.flat()];
  }

  #forgetMute(): void {
    for (const socket of this.#mute) socket.resetAndDestroy();
    this.#mute = [];
  }
}
