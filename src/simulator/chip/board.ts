import { type Clock, sleep } from '../../clock.ts';
import type { Logger } from '../../log.ts';
import { SimulatedChip } from './chip.ts';
import type { ChipCounts, ChipEvent, ChipSpec, RamUpload } from './chip-spec.ts';
import type { HostListener, Medium, PortAddress } from './medium.ts';
import { PacedWire } from './paced-wire.ts';
import { hearAt } from './waveform.ts';

/** How a board reaches the host. */
export interface BoardSurroundings {
  readonly clock: Clock;
  readonly log: Logger;
  /** False: bytes take no time. */
  readonly isPaced: boolean;
  readonly onEvent: (board: SimulatedBoard, event: ChipEvent) => void;
  readonly openMedium: (host: HostListener) => Promise<Medium>;
}

const DEFAULT_BAUD_RATE = 115_200;

/** A chip on a board, its serial line, and the port at which a host finds it. */
export class SimulatedBoard {
  readonly #chip: SimulatedChip;
  readonly #spec: ChipSpec;
  readonly #around: BoardSurroundings;
  readonly #log: Logger;
  readonly #fromHost: PacedWire;
  readonly #fromChip: PacedWire;
  #medium: Medium | null = null;
  /** Null where the medium does not tell. */
  #hostBaudRate: number | null = null;
  readonly #stopping = new AbortController();

  private constructor(spec: ChipSpec, around: BoardSurroundings) {
    this.#spec = spec;
    this.#around = around;
    this.#log = around.log.child({ board: spec.name });
    this.#chip = new SimulatedChip(spec, {
      clock: around.clock,
      send: (bytes, baudRate) => this.#sendToHost(bytes, baudRate),
      emit: (event) => this.#note(event),
    });
    this.#fromHost = new PacedWire(around.clock, (bytes) => this.#chip.receive(bytes, this.#hostBaudRate));
    this.#fromChip = new PacedWire(around.clock, (bytes, baudRate) => this.#reachHost(bytes, baudRate));
  }

  /** Rejects with the system's error where the port cannot be made. */
  static async make(spec: ChipSpec, around: BoardSurroundings, power: 'on' | 'off'): Promise<SimulatedBoard> {
    const board = new SimulatedBoard(spec, around);
    const host: HostListener = {
      opened: () => board.#opened(),
      received: (bytes) => board.#receive(bytes),
      linesSet: (lines) => board.#chip.setLines(lines),
      baudRateSet: (baudRate) => {
        board.#hostBaudRate = baudRate;
      },
    };
    board.#medium = await around.openMedium(host);
    if (power === 'off') await board.#medium.unplug();
    else if (board.#medium.hasLines) board.#chip.powerOn();
    return board;
  }

  get name(): string {
    return this.#spec.name;
  }

  get mac(): string {
    return this.#chip.mac;
  }

  /** The cells of the flash chip. */
  get flash(): Uint8Array {
    return this.#chip.flash;
  }

  get counts(): Readonly<ChipCounts> {
    return this.#chip.counts;
  }

  /** All programs that were loaded into RAM and jumped to, in order. */
  get uploads(): readonly RamUpload[] {
    return this.#chip.uploads;
  }

  get address(): PortAddress {
    return this.medium.address;
  }

  get medium(): Medium {
    if (this.#medium === null) throw new Error(`board "${this.name}" is not made yet`);
    return this.#medium;
  }

  /** As if the time of the chip's watchdogs were up: what nobody has switched off resets it now. Returns whether it did. */
  expireWatchdogs(): boolean {
    return this.#chip.expireWatchdogs();
  }

  /** Pulls the plug: the port disappears, the chip has no power. */
  async unplug(): Promise<void> {
    this.#cut();
    await this.medium.unplug();
  }

  /** Plugs it in again, at the same address. */
  async plug(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    await this.medium.plug();
    if (this.medium.hasLines) this.#chip.powerOn();
  }

  /** Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cut();
    await this.medium.close();
  }

  #cut(): void {
    this.#chip.powerOff();
    this.#fromHost.clear();
    this.#fromChip.clear();
  }

  /** Where no line can reset the chip, opening the port switches it off and on. */
  #opened(): void {
    if (this.medium.hasLines) return;
    this.#cut();
    this.#chip.powerOn();
  }

  #receive(bytes: Uint8Array): void {
    if (!this.#around.isPaced) this.#chip.receive(bytes, this.#hostBaudRate);
    else this.#fromHost.push(bytes, this.#hostBaudRate ?? this.#chip.baudRate ?? DEFAULT_BAUD_RATE);
  }

  #sendToHost(bytes: Uint8Array, baudRate: number): void {
    if (this.#around.isPaced) this.#fromChip.push(bytes, baudRate);
    else this.#reachHost(bytes, baudRate);
  }

  #reachHost(bytes: Uint8Array, baudRate: number): void {
    this.medium.deliver(this.#hostBaudRate === null ? bytes : hearAt(bytes, baudRate, this.#hostBaudRate));
  }

  #note(event: ChipEvent): void {
    this.#log.debug(`sim.${event}`, { mac: this.mac });
    this.#around.onEvent(this, event);
    if (event === 'vanished') this.#vanish();
  }

  #vanish(): void {
    this.#leaveAndReturn().catch((cause: unknown) => {
      if (!this.#stopping.signal.aborted) this.#log.error('sim.port-lost', { cause });
    });
  }

  async #leaveAndReturn(): Promise<void> {
    await this.unplug();
    const forMs = this.#spec.faults?.vanish?.forMs;
    if (forMs === undefined) return;
    await sleep(this.#around.clock, forMs, this.#stopping.signal);
    await this.plug();
    this.#note('came-back');
  }
}
