import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { JobRecord } from '../../../src/jobs/journal/jobs.ts';
import type { DropResult } from '../../../src/model/drop.ts';
import { BRISK } from '../../../src/simulator/cores.ts';
import type { DeviceSpec } from '../../../src/simulator/device-spec.ts';
import { type Fleet, type FleetOptions, startFleet } from '../../../src/simulator/fleet.ts';
import { DaemonProcess, DEADLINE_MS, type Finished, runCommand } from './daemon-process.ts';

type Json = Readonly<Record<string, unknown>>;

/** Announcements no closer: without a probe, they are a sign of a start only when they lie some way apart. */
const TIMINGS = { ...BRISK, bootMs: 500, announceEveryMs: 600 };

/** A place where the daemon works: folders, config, environment, and pretend devices that only it hears. */
export class Site implements AsyncDisposable {
  readonly home = mkdtempSync(join(tmpdir(), 'dropflash-site-'));
  readonly #tag = randomBytes(5).toString('hex');
  /** All programs of this machine share port 5353: nobody else looks for this service. */
  readonly service = `e2e${this.#tag}`;
  readonly env: Record<string, string> = {};
  readonly #daemons: DaemonProcess[] = [];
  readonly #fleets: Fleet[] = [];

  constructor() {
    mkdirSync(join(this.home, 'drop'));
  }

  /** A device's name that no other test on this machine gives away: it is its host name as well. */
  named(name: string): string {
    return `${name}-${this.#tag}`;
  }

  /** Writes the config: these keys, and for all others what suits a test. */
  configure(keys: Json): void {
    const config = {
      version: 1,
      drop: { path: './drop', settle: '300ms', scan: '1s' },
      data: './data',
      discovery: { mdns: { services: [this.service], interface: '127.0.0.1' } },
      log: { level: 'debug' },
      ...keys,
    };
    // JSON is YAML.
    this.write('config.yaml', JSON.stringify(config, null, 2));
  }

  write(file: string, content: string | Uint8Array): void {
    writeFileSync(join(this.home, file), content);
  }

  /** A daemon that is at work. */
  async start(...args: readonly string[]): Promise<DaemonProcess> {
    const daemon = this.launch(...args);
    await daemon.until('daemon.ready');
    return daemon;
  }

  /** A daemon that is only just starting. */
  launch(...args: readonly string[]): DaemonProcess {
    const daemon = new DaemonProcess(args, { cwd: this.home, env: this.env });
    this.#daemons.push(daemon);
    return daemon;
  }

  async fleet(specs: readonly DeviceSpec[], options: FleetOptions = {}): Promise<Fleet> {
    const fleet = await startFleet(specs, { service: this.service, timings: TIMINGS, ...options });
    this.#fleets.push(fleet);
    return fleet;
  }

  /** Puts a file into the drop folder as it should be done: whole, by rename. */
  drop(name: string, bytes: Uint8Array): void {
    this.write(join('drop', `.${name.slice(0, 40)}.part`), bytes);
    renameSync(join(this.home, 'drop', `.${name.slice(0, 40)}.part`), join(this.home, 'drop', name));
  }

  /** Names in a sub-folder of the drop folder, or in the drop folder itself. */
  names(folder = ''): string[] {
    const path = join(this.home, 'drop', folder);
    return existsSync(path) ? readdirSync(path).toSorted() : [];
  }

  /** The result beside a file that is done with. */
  async result(folder: string, name: string): Promise<DropResult> {
    const path = join(this.home, 'drop', folder, `${name}.result.json`);
    await eventually(`${folder}/${name}.result.json`, () => existsSync(path)).catch((cause: unknown) => {
      throw new Error(this.#daemons.at(-1)?.latest(), { cause });
    });
    return JSON.parse(readFileSync(path, 'utf8')) as DropResult;
  }

  cli(...args: readonly string[]): Promise<Finished> {
    return runCommand(args, { cwd: this.home, env: this.env });
  }

  async jobs(): Promise<JobRecord[]> {
    const { stdout } = await this.cli('jobs', '--json');
    return JSON.parse(stdout) as JobRecord[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) daemon.signal('SIGKILL');
    await Promise.all([...this.#daemons.map((daemon) => daemon.exited), ...this.#fleets.map((fleet) => fleet.stop())]);
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Looks often: files and devices of a test tell nobody that they have changed. */
export async function eventually(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await pause(10);
  }
}
