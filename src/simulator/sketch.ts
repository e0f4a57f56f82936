import { connect } from 'node:net';
import { type Clock, sleep } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { DeviceConnection, Link } from './connection.ts';
import type { Core, CoreFacts, Timings } from './cores.ts';
import type { Invitation } from './datagram.ts';
import { dial } from './dial.ts';
import { comebackOf, type Faults, faultsOfUpload } from './faults.ts';
import { type ListenerState, type Outcome, type Peer, receive } from './listener.ts';
import type { Login } from './login.ts';
import { type Flash, type InstalledImage, Updater } from './updater.ts';
import { receiveUpload } from './upload.ts';

/** The hardware and the settings a sketch runs on. */
export interface Board {
  readonly core: Core;
  readonly facts: CoreFacts;
  readonly timings: Timings;
  readonly link: Link;
  readonly faults: Faults;
  readonly login: Login | null;
  readonly address: string;
  readonly appSpaceBytes: number;
  readonly filesystemSpaceBytes: number;
}

/** What the device around a sketch does for it, and wants to know from it. */
export interface SketchHost {
  readonly clock: Clock;
  readonly log: Logger;
  send(text: string, to: Peer): void;
  onSeen(seen: Outcome['seen']): void;
  /** Returns which upload of the device this is, counted from 1. */
  onUploadBegun(): number;
  onBytes(sizeBytes: number): void;
  onUploadFailed(): void;
  onInstalled(image: InstalledImage): void;
  restart(): void;
}

/** lwIP keeps that many datagrams for an ESP32 socket that nobody reads (CONFIG_LWIP_UDP_RECVMBOX_SIZE). */
const ESP32_MAILBOX = 6;

interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: Peer;
}

/** What a sketch lives on. */
export interface Life {
  /** Aborted when the power goes. */
  readonly power: AbortSignal;
  /** Aborted when the device starts again, or is taken away: what it left behind on the network is gone then. */
  readonly forgotten: AbortSignal;
}

/** A sketch with ArduinoOTA, from its start until the power goes: all that a restart forgets. */
export class Sketch {
  readonly #board: Board;
  readonly #host: SketchHost;
  readonly #signal: AbortSignal;
  readonly #forgotten: AbortSignal;
  readonly #mailbox: Datagram[] = [];
  #state: ListenerState = { kind: 'idle' };
  #isInLoop = false;

  constructor(board: Board, host: SketchHost, life: Life) {
    this.#board = board;
    this.#host = host;
    this.#signal = life.power;
    this.#forgotten = life.forgotten;
  }

  get isUpdating(): boolean {
    return this.#state.kind === 'run-update';
  }

  /** The ESP8266 parses in its network stack, the ESP32 one datagram per turn of its loop. */
  receive(datagram: Datagram): void {
    if (this.#signal.aborted) return;
    if (this.#board.facts.chip === 'esp8266') this.#handle(datagram);
    else if (this.#mailbox.length < ESP32_MAILBOX) this.#mailbox.push(datagram);
    this.#wakeLoop();
  }

  /** The loop turns only while there is something for ArduinoOTA in it. */
  #wakeLoop(): void {
    if (this.#isInLoop || !(this.isUpdating || this.#mailbox.length > 0)) return;
    this.#isInLoop = true;
    this.#loop().then(
      () => {
        this.#isInLoop = false;
        this.#wakeLoop();
      },
      (cause: unknown) => {
        if (!this.#signal.aborted) this.#host.log.error('sim.broken', { cause });
      },
    );
  }

  /** One turn of `loop()`: whatever else keeps the sketch busy, and `ArduinoOTA.handle()`. */
  async #loop(): Promise<void> {
    await this.#pause(this.#board.timings.loopMs);
    if (this.#state.kind === 'run-update') {
      await this.#runUpdate(this.#state.invitation, this.#state.host);
      this.#signal.throwIfAborted();
      this.#state = { kind: 'idle' };
    }
    const datagram = this.#mailbox.shift();
    if (datagram === undefined) return;
    if (this.#state.kind === 'wait-auth') await this.#pause(this.#board.timings.pbkdf2Ms);
    this.#handle(datagram);
  }

  #handle({ bytes, from }: Datagram): void {
    const { facts, login } = this.#board;
    const micros = Math.round(this.#host.clock.monotonic() * 1000);
    const outcome = receive({ chip: facts.chip, login }, this.#state, bytes, { from, micros });
    this.#state = outcome.state;
    this.#host.onSeen(outcome.seen);
    if (outcome.reply !== null) this.#host.send(outcome.reply.text, outcome.reply.to);
  }

  async #runUpdate(invitation: Invitation, from: Peer): Promise<void> {
    const nth = this.#host.onUploadBegun();
    const faults = faultsOfUpload(this.#board.faults, nth);
    const updater = new Updater(this.#flash(faults), invitation);
    const image = (await this.#begin(updater, from))
      ? await this.#upload(updater, faults, { address: from.address, port: invitation.tcpPort })
      : null;
    this.#signal.throwIfAborted();
    if (image === null) return this.#host.onUploadFailed();
    this.#host.onInstalled(image);
    if (comebackOf(faults, image).kind === 'no-restart') return;
    await this.#pause(this.#board.timings.beforeRestartMs);
    this.#host.restart();
  }

  /** The space check: before `OK` on an ESP8266; on an ESP32, which has said `OK` already, in silence. */
  async #begin(updater: Updater, host: Peer): Promise<boolean> {
    const fits = updater.begin();
    if (this.#board.facts.chip === 'esp8266') {
      this.#host.send(fits ? 'OK' : `ERR: ${updater.errorText}`, host);
      await this.#pause(this.#board.timings.afterReplyMs);
    }
    return fits;
  }

  async #upload(updater: Updater, faults: Faults, to: Peer): Promise<InstalledImage | null> {
    const connection = await this.#dial(to, faults);
    if (connection === null) return null;
    return receiveUpload(this.#board.facts.chip, {
      clock: this.#host.clock,
      timings: this.#board.timings,
      faults,
      updater,
      connection,
      signal: this.#signal,
      onBytes: (sizeBytes) => this.#host.onBytes(sizeBytes),
    });
  }

  async #dial(to: Peer, faults: Faults): Promise<DeviceConnection | null> {
    const { address, facts, link, timings } = this.#board;
    if (faults.noDialBack) {
      await this.#pause(timings.connectTimeoutMs);
      return null;
    }
    if (faults.strangerAddress !== undefined) sendStranger(faults.strangerAddress, to, this.#forgotten);
    return dial({
      clock: this.#host.clock,
      chip: facts.chip,
      from: address,
      to,
      timeoutMs: timings.connectTimeoutMs,
      link,
      replies: faults.replies,
      signal: this.#signal,
      forgotten: this.#forgotten,
    });
  }

  #flash(faults: Faults): Flash {
    const { core, facts, appSpaceBytes, filesystemSpaceBytes } = this.#board;
    return {
      core,
      chip: facts.chip,
      appSpaceBytes,
      filesystemSpaceBytes,
      badByte: faults.badByte ?? null,
      isChecksumWrong: faults.wrongChecksum ?? false,
      refusesToBegin: faults.refusesToBegin ?? null,
      refusesToEnd: faults.refusesToEnd ?? null,
    };
  }

  #pause(delayMs: number): Promise<void> {
    return sleep(this.#host.clock, delayMs, this.#signal);
  }
}

/** Another machine of the network connects where the device was expected. */
function sendStranger(address: string, to: Peer, signal: AbortSignal): void {
  if (to.port === 0) return;
  const socket = connect({ host: to.address, port: to.port, localAddress: address, family: 4 });
  socket.once('connect', () => socket.write('OK'));
  socket.on('error', () => undefined);
  socket.resume();
  const hangUp = () => socket.destroy();
  signal.addEventListener('abort', hangUp);
  socket.once('close', () => signal.removeEventListener('abort', hangUp));
}
