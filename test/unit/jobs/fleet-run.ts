import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { type Clock, sleep, type Timer } from '../../../src/clock.ts';
import { FlashError } from '../../../src/errors.ts';
import type { Limits } from '../../../src/jobs/admission.ts';
import type { AwaitReturn, ReturnRequest } from '../../../src/jobs/confirm.ts';
import { DropResults } from '../../../src/jobs/drop-results.ts';
import { JobEngine } from '../../../src/jobs/engine.ts';
import { JobBook } from '../../../src/jobs/job-book.ts';
import type { JobRecord } from '../../../src/jobs/journal/jobs.ts';
import { Journal } from '../../../src/jobs/journal/journal.ts';
import type { RolloutRecord } from '../../../src/jobs/journal/rollouts.ts';
import { Planner } from '../../../src/jobs/planner.ts';
import { RolloutBook } from '../../../src/jobs/rollout-book.ts';
import { type DeviceDirectory, openRuleBook, planContext } from '../../../src/jobs/rule-book.ts';
import { Undo } from '../../../src/jobs/undo.ts';
import type { AskVersion } from '../../../src/jobs/version-check.ts';
import { VersionInquiry } from '../../../src/jobs/version-inquiry.ts';
import { Windows } from '../../../src/jobs/windows.ts';
import { silentLogger } from '../../../src/log.ts';
import type { Device } from '../../../src/model/device.ts';
import type { DropResult, TakenFile } from '../../../src/model/drop.ts';
import type { Dossier, FirmwareImage, ImageKind, StoredImage } from '../../../src/model/image.ts';
import type { ReleaseManifest } from '../../../src/model/release-file.ts';
import type { Rule } from '../../../src/model/rule.ts';
import type { FlashRequest, Protocol } from '../../../src/protocols/protocol.ts';
import { aDevice } from '../../fixtures/records.ts';
import { nothingToFetch } from './nothing-to-fetch.ts';

/** What a device of a {@link FleetRun} does with an image. */
export type Manner =
  | 'good'
  /** Accepts and is never seen again. */
  | 'vanishes'
  /** Refuses for good. */
  | 'refuses'
  /** Does not answer at all. */
  | 'silent'
  /** Comes back with the image it had. */
  | 'rolls-back'
  /** Comes back, and half a minute later starts again with the image it had. */
  | 'falls-back';

/** One image that a device took, by the log of the fleet: what was really done, whatever the daemon knows of it. */
export interface Taking {
  readonly device: string;
  readonly image: string;
  readonly atMs: number;
}

/** A thousand jobs are ten thousand synced writes, which are not what is tested here: kept in memory where the system has such a folder. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

const SEND_MS = 10_000;
const RETURN_MS = 4_000;
const FALL_MS = 30_000;
const NEVER_MS = 1e12;

/** Time that jumps from one timer to the next. */
class JumpingClock implements Clock {
  readonly #timers = new Set<{ atMs: number; readonly callback: () => void }>();
  #nowMs: number;
  /** How far the clock on the wall was set by hand. */
  #setMs = 0;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs + this.#setMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** The machine sleeps: time goes on, and no timer fires before it wakes. */
  sleep(forMs: number): void {
    this.#nowMs += forMs;
  }

  /** Somebody sets the clock on the wall; what is measured goes on as it was. */
  setBy(byMs: number): void {
    this.#setMs += byMs;
  }

  /** To the next timer, or to `limitMs` of the clock on the wall where that comes first. */
  jump(limitMs: number): void {
    let nextMs = limitMs - this.#setMs;
    for (const { atMs } of this.#timers) nextMs = Math.min(nextMs, atMs);
    this.#nowMs = Math.max(this.#nowMs, nextMs);
    for (const timer of [...this.#timers]) {
      if (timer.atMs <= this.#nowMs && this.#timers.delete(timer)) timer.callback();
    }
  }
}

export interface FleetRunOptions {
  readonly rule: Rule;
  /** More rules, which stand behind that one. */
  readonly others?: readonly Rule[];
  readonly devices: readonly Device[];
  readonly manner?: (device: string) => Manner;
  readonly limits?: Limits;
  readonly startMs?: number;
  /** Where its journal is, and stays: an earlier run may have left one. Without it: a folder of its own, removed at the end. */
  readonly folder?: string;
  /** Called at the moment at which a device has taken an image, before its answer. */
  readonly onTaking?: (taking: Taking) => void;
}

/** The job engine as the daemon builds it, with a real journal and a fleet that is played at the seam of the protocols. */
export class FleetRun {
  readonly takings: Taking[] = [];
  readonly results: DropResult[] = [];
  /** What was asked for of returns, in order. */
  readonly returns: ReturnRequest[] = [];
  readonly devices: Map<string, Device>;
  readonly directory: DeviceDirectory = {
    get: (id) => this.devices.get(id) ?? null,
    list: () => [...this.devices.values()],
  };
  rule: Rule;
  manner: (device: string) => Manner;
  /** The version that each device says it has. */
  readonly says = new Map<string, string>();
  /** The most that were sent to at once. */
  mostAtOnce = 0;
  clock: JumpingClock;
  journal: Journal;
  engine: JobEngine;
  readonly #limits: Limits;
  readonly #others: readonly Rule[];
  readonly #folder: string;
  readonly #isKept: boolean;
  readonly #onTaking: (taking: Taking) => void;
  readonly #sending = new Set<string>();
  readonly #saidBefore = new Map<string, string>();
  #isOver = false;
  onSending: (now: ReadonlySet<string>) => void = () => undefined;

  constructor({ rule, others, devices, manner, limits, startMs, folder, onTaking }: FleetRunOptions) {
    this.#folder = folder ?? mkdtempSync(join(MEMORY, 'dropflash-fleet-'));
    this.#isKept = folder !== undefined;
    this.#onTaking = onTaking ?? (() => undefined);
    this.rule = rule;
    this.devices = new Map(devices.map((device) => [device.id, device]));
    this.manner = manner ?? (() => 'good');
    this.#others = others ?? [];
    this.#limits = limits ?? { total: 1000, perSubnet: 1000, exclusive: [] };
    this.clock = new JumpingClock(startMs ?? Date.parse('2026-06-01T12:00:00Z'));
    this.journal = Journal.open(Journal.pathIn(this.#folder));
    this.engine = this.#build();
    this.engine.start();
  }

  /** A file is dropped. */
  async drop(image: string): Promise<void> {
    const file: TakenFile = {
      name: `${image}.bin`,
      sha256: image,
      sizeBytes: 1_000,
      seenMs: this.clock.now(),
      dossier: {
        kind: 'app',
        chip: null,
        container: 'none',
        completeness: 'complete',
        app: null,
      } as unknown as TakenFile['dossier'],
    };
    const drop = this.journal.drops.taken(file);
    this.journal.drops.placed(drop.id, 'working', drop.name);
    await this.engine.takeDrop({ ...drop, folder: 'working' });
    await this.settle();
  }

  /** A release of several images is dropped, each named after its version. */
  async dropRelease(manifest: ReleaseManifest, kinds: Readonly<Record<string, ImageKind>> = {}): Promise<void> {
    const dossier = (kind: ImageKind) => ({ kind, chip: null, container: 'none', app: null }) as unknown as Dossier;
    const images = manifest.images.map(({ file }): StoredImage => {
      return { sha256: file, name: file, sizeBytes: 1_000, dossier: dossier(kinds[file] ?? 'app') };
    });
    const file: TakenFile = {
      name: 'release.zip',
      sha256: `zip of ${manifest.name}`,
      sizeBytes: 3_000,
      seenMs: this.clock.now(),
      dossier: dossier('package'),
      release: { manifest, images },
    };
    const drop = this.journal.drops.taken(file);
    this.journal.drops.placed(drop.id, 'working', drop.name);
    await this.engine.takeDrop({ ...drop, folder: 'working' });
    await this.settle();
  }

  /** A device appears, or has changed. */
  appear(device: Device): void {
    this.devices.set(device.id, device);
    this.engine.deviceSeen(device);
  }

  /** Time goes on until `isSo`, for at most `forMs`. */
  async until(isSo: () => boolean, forMs = 86_400_000): Promise<void> {
    const limitMs = this.clock.now() + forMs;
    await this.settle();
    while (!isSo()) {
      if (this.clock.now() >= limitMs)
        throw new Error(`never: ${isSo.toString()}; ${JSON.stringify(this.jobs().slice(0, 3))}`);
      this.clock.jump(limitMs);
      await this.settle();
    }
  }

  /** Time goes on for so long. */
  async pass(forMs: number): Promise<void> {
    const limitMs = this.clock.now() + forMs;
    await this.until(() => this.clock.now() >= limitMs, forMs);
  }

  /** The process is gone, with all it had in its memory; a new one starts. */
  async crash(): Promise<void> {
    this.#sending.clear();
    this.clock = new JumpingClock(this.clock.now());
    this.journal.close();
    this.journal = Journal.open(Journal.pathIn(this.#folder));
    this.engine = this.#build();
    this.engine.start();
    for (const drop of this.journal.drops.unfinished()) await this.engine.takeDrop(drop);
    await this.settle();
  }

  /** The newest one. */
  rollout(): RolloutRecord {
    const [newest] = this.journal.rollouts.newest(1);
    if (newest === undefined) throw new Error('there is no rollout');
    return newest;
  }

  jobs(): readonly JobRecord[] {
    return this.journal.jobs.list({ limit: 100_000 });
  }

  /** How many jobs are in each state, `not released` apart. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { state, wave } of this.jobs()) {
      const name = state === 'queued' && wave === null ? 'not released' : state;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.journal.close();
    if (!this.#isKept) rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Everything that needs no time has happened. */
  async settle(): Promise<void> {
    for (let index = 0; index < 4; index += 1) await turn();
  }

  #build(): JobEngine {
    const { journal, clock } = this;
    const protocol = this.#protocol();
    const protocols = new Map([[protocol.name, protocol]]);
    const context = planContext(journal, protocols);
    let rules = openRuleBook([this.rule, ...this.#others], context);
    let compiled = this.rule;
    const shared = {
      journal,
      clock,
      book: new JobBook(journal, clock),
      devices: this.directory,
      log: silentLogger,
      rules: () => {
        if (compiled !== this.rule) rules = openRuleBook([this.rule, ...this.#others], context);
        compiled = this.rule;
        return rules;
      },
    };
    const askVersion: AskVersion = async ({ name }) => this.says.get(name) ?? null;
    return new JobEngine({
      ...shared,
      planner: new Planner({ ...shared, onReleaseEnd: () => undefined }),
      ...nothingToFetch(shared),
      results: new DropResults({
        ...shared,
        finish: async (drop, to, result) => {
          journal.drops.placed(drop.id, to, drop.name);
          this.results.push(result);
        },
      }),
      rollouts: new RolloutBook(shared),
      undo: new Undo(shared),
      inquiry: new VersionInquiry({ ...shared, askVersion }),
      protocols,
      limits: () => this.#limits,
      windows: new Windows(shared),
      links: {} as never,
      loadImage: async (sha256) =>
        ({ ...journal.images.get(sha256), sha256, sizeBytes: 1_000 }) as unknown as FirmwareImage,
      reconfirm: () => undefined,
      isPortTaken: () => false,
      onPortFree: () => undefined,
      onAppearance: () => () => undefined,
      awaitReturn: this.#awaitReturn(clock),
      askVersion,
      soakEyes: {
        isThere: async ({ name }) => this.manner(name) !== 'vanishes',
        restartOf: async (device, _fromMs, signal) => {
          await sleep(clock, this.manner(device.name) === 'falls-back' ? FALL_MS : NEVER_MS, signal);
          this.says.set(device.name, this.#saidBefore.get(device.name) ?? '');
          return 'it announced itself anew';
        },
      },
      random: () => 0.5,
      onProgress: () => undefined,
      onFatal: (error) => {
        // What a process that is gone had yet to do is not done.
        if (this.#isOver || journal !== this.journal) return;
        throw error;
      },
    });
  }

  #protocol(): Protocol {
    return {
      name: 'espota',
      summary: 'played by the test',
      options: {},
      minimumPauseMs: 0,
      defaultPort: () => 1,
      accepts: () => ({ accepted: true }),
      flash: (request, signal) => this.#flash(request, signal),
    };
  }

  async #flash({ image, device, observer, clock }: FlashRequest, signal: AbortSignal) {
    const manner = this.manner(device.name);
    if (manner === 'silent') throw new FlashError('OTA_NO_ANSWER', 'nobody answers');
    this.#sending.add(device.name);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#sending.size);
    this.onSending(this.#sending);
    observer.onStep('write');
    await sleep(clock, SEND_MS, signal);
    if (manner === 'refuses') {
      this.#sending.delete(device.name);
      throw new FlashError('OTA_NO_SPACE', 'it does not fit');
    }
    observer.onStep('commit');
    const taking = { device: device.name, image: image.sha256, atMs: clock.now() };
    this.takings.push(taking);
    this.#onTaking(taking);
    this.#saidBefore.set(device.name, this.says.get(device.name) ?? '');
    if (manner !== 'rolls-back') this.says.set(device.name, image.sha256);
    await sleep(clock, 100);
    this.#sending.delete(device.name);
    return { proof: 'accepted' as const, sentBytes: 1_000, elapsedMs: SEND_MS };
  }

  #awaitReturn(clock: Clock): AwaitReturn {
    return async (request, signal) => {
      const { device, withinMs } = request;
      this.returns.push(request);
      const isBack = this.manner(device.name) !== 'vanishes';
      await sleep(clock, isBack ? RETURN_MS : withinMs, signal);
      return isBack ? { how: 'it was seen', atMs: clock.now() } : null;
    };
  }
}

/** `d0001`, `d0002`, …: a fleet in one network per hundred. */
export function fleetOf(count: number, over: Partial<Device> = {}): Device[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `d${String(index + 1).padStart(4, '0')}`;
    return aDevice({ name, address: `10.0.${Math.floor(index / 100)}.${(index % 100) + 1}`, ...over });
  });
}
