import { mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { configEnvironment } from '../../../src/cli/config-file.ts';
import { systemClock } from '../../../src/clock.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { createDaemon, type Daemon } from '../../../src/daemon.ts';
import { Journal } from '../../../src/jobs/journal/journal.ts';
import { silentLogger } from '../../../src/log.ts';
import type { SerialPortFacts } from '../../../src/model/device.ts';
import type { Unit } from '../../../src/model/unit.ts';
import { Lifecycle } from '../../../src/service/lifecycle.ts';
import type { SimulatedBoard } from '../../../src/simulator/chip/board.ts';
import { BRISK_BOARD } from '../../../src/simulator/chip/chip-timings.ts';
import { type BoardSpec, type Chips, startChips } from '../../../src/simulator/chip/chips.ts';
import { recordedIo } from '../../unit/cli/recorded-io.ts';

const STOP_MS = 10_000;

/** A daemon with a config and a drop folder of its own, and boards on RFC 2217 ports (or others, as told) that its list of USB ports shows. */
export class LineSite {
  readonly folder = mkdtempSync(join(tmpdir(), 'dropflash-line-site-'));
  readonly chips: Chips;
  /** The sockets of the hub, with what is plugged into each. */
  readonly #plugged = new Map<string, SerialPortFacts>();
  #running: { readonly daemon: Daemon; readonly lifecycle: Lifecycle } | null = null;

  static async open(specs: readonly BoardSpec[]): Promise<LineSite> {
    const boards = specs.map((spec) => ({ medium: 'rfc2217' as const, ...spec }));
    return new LineSite(await startChips(boards, { isPaced: false, timings: BRISK_BOARD }));
  }

  private constructor(chips: Chips) {
    this.chips = chips;
  }

  /** Puts a file beside the config. */
  write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.folder, name), content);
  }

  /** Starts the daemon with this rule, which has everything but its name, and what else its config has. */
  async start(rule: string, top = ''): Promise<void> {
    const head = 'version: 1\ndrop: { path: ./drop, settle: 300ms, scan: 1s }\ndata: ./data\ncontrol: false\n';
    const discovery = 'discovery: { mdns: false, usb: true }\n';
    this.write('config.yaml', `${head}${discovery}${top}\nrules:\n  - { name: line, ${rule} }\n`);
    const environment = configEnvironment(recordedIo().io, 'required');
    const { config, problems } = await loadConfig(join(this.folder, 'config.yaml'), environment);
    expect(problems).toEqual([]);
    if (config === null) throw new Error('no config');
    const usbPorts = { list: async () => [...this.#plugged.values()].map((port) => ({ ...port, product: null })) };
    const log = silentLogger;
    const daemon = createDaemon({ config, pid: process.pid, clock: systemClock, random: Math.random, log, usbPorts });
    const lifecycle = new Lifecycle(daemon.parts, { clock: systemClock, log });
    this.#running = { daemon, lifecycle };
    await lifecycle.start(STOP_MS);
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    expect(running?.daemon.fatal.reason).toBeUndefined();
    await running?.lifecycle.stop(STOP_MS);
  }

  async close(): Promise<void> {
    await this.stop();
    await this.chips.stop();
    rmSync(this.folder, { recursive: true });
  }

  /** As people should: written elsewhere, then renamed into place. */
  drop(name: string, bytes: Uint8Array): void {
    this.write(`.${name}.part`, bytes);
    renameSync(join(this.folder, `.${name}.part`), join(this.folder, 'drop', name));
  }

  plug(socket: string, board: SimulatedBoard): void {
    const usb = { vendorId: 0x10c4, productId: 0xea60, serialNumber: '0001', location: socket };
    this.#plugged.set(socket, { ...this.portOf(board), usb });
  }

  portOf({ address }: SimulatedBoard): SerialPortFacts {
    // As the system's own list has it.
    if (address.kind === 'pty') return { path: realpathSync(address.path), usb: null };
    if (address.kind !== 'rfc2217') throw new Error('no path');
    return { path: `rfc2217://${address.host}:${address.port}`, usb: null };
  }

  unplug(socket: string): void {
    this.#plugged.delete(socket);
  }

  /** Waits until so many runs have ended; all of them, in the order of their beginning. */
  async ended(count: number): Promise<readonly Unit[]> {
    const isOver = () => expect(this.units().filter(({ endedMs }) => endedMs !== null)).toHaveLength(count);
    await vi.waitFor(isOver, { timeout: 80_000, interval: 100 });
    return this.units();
  }

  units(): readonly Unit[] {
    return this.look((journal) => [...journal.units.list({ limit: 1000 })].reverse());
  }

  look<T>(read: (journal: Journal) => T): T {
    const journal = Journal.openToRead(Journal.pathIn(join(this.folder, 'data')));
    try {
      return read(journal);
    } finally {
      journal.close();
    }
  }
}
