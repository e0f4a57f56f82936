import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../../src/clock.ts';
import { BackupShelf } from '../../../../src/jobs/backup/shelf.ts';
import { Journal } from '../../../../src/jobs/journal/journal.ts';
import type { Plug } from '../../../../src/jobs/line/plug.ts';
import { type LineParts, ProductionLine } from '../../../../src/jobs/line/production-line.ts';
import { openRuleBook } from '../../../../src/jobs/rule-book.ts';
import type { Logger } from '../../../../src/log.ts';
import { silentLogger } from '../../../../src/log.ts';
import type { Dossier, FirmwareImage } from '../../../../src/model/image.ts';
import type { Rule } from '../../../../src/model/rule.ts';
import type { Unit } from '../../../../src/model/unit.ts';
import { aDevice, aRule } from '../../../fixtures/records.ts';
import { givenContext } from '../../rules/given.ts';
import { ScriptedBench } from './scripted-bench.ts';

/** A board on a bridge without a serial number, at a socket of a hub. */
export function aPlug(socket: string, over: Partial<Plug> = {}): Plug {
  const usb = { vendorId: 0x1a86, productId: 0x7523, serialNumber: null, location: socket };
  return {
    ...aDevice({
      name: socket,
      id: `usb:${socket}`,
      keys: [`usb:${socket}`],
      address: null,
      port: null,
      board: null,
      services: [],
    }),
    serial: { path: `/dev/tty-${socket}`, usb },
    ...over,
  };
}

export function aLineRule(over: Partial<Rule> = {}): Rule {
  return aRule({
    name: 'line',
    firmware: { file: '*', chip: null, project: null, version: null, kind: null },
    when: { kind: 'attach' },
    update: { protocol: 'serial', retries: 0, options: {} },
    ...over,
  });
}

/** A production line on a journal in a folder of its own, with boards by script. */
export class GivenLine {
  readonly folder: string;
  readonly bench = new ScriptedBench();
  readonly ended: Unit[] = [];
  readonly fatal: unknown[] = [];
  /** Ids of devices on whose port somebody else is at work. */
  readonly takenPorts = new Set<string>();
  /** How often others were told that a port is free again. */
  freedPorts = 0;
  rules: readonly Rule[];
  journal: Journal;
  line: ProductionLine;
  readonly #images = new Map<string, FirmwareImage>();

  constructor(rules: readonly Rule[] = [aLineRule()]) {
    this.rules = rules;
    this.folder = mkdtempSync(join(tmpdir(), 'dropflash-line-'));
    this.journal = Journal.open(Journal.pathIn(this.folder));
    this.line = this.#open();
    this.line.start();
  }

  /** As after a crash: nothing of the old process goes on, and nothing was told to stop. */
  crash(): void {
    this.journal.close();
    this.journal = Journal.open(Journal.pathIn(this.folder));
    this.line = this.#open();
    this.line.start();
  }

  async close(): Promise<void> {
    await this.line.stop();
    this.journal.close();
    rmSync(this.folder, { recursive: true });
  }

  /** Makes an image the current release of a rule. All are made in one millisecond: what is newer is not left to the clock. */
  release(
    text: string,
    { rule = 'line', chip = 'esp32c3' as Dossier['chip'], kind = 'app' as Dossier['kind'] } = {},
  ): string {
    const bytes = Buffer.from(text);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const dossier = { kind, chip, container: 'none', app: null, parts: null } as unknown as Dossier;
    const image = { sha256, name: `${text}.bin`, sizeBytes: bytes.length, dossier, bytes };
    this.#images.set(sha256, image);
    const { releases, drops } = this.journal;
    const drop = drops.taken({ ...image, seenMs: 1 });
    const slot = `${rule}/${kind}/${chip}`;
    const before = releases.currentIn(slot);
    if (before !== null) releases.end(before.id, 'superseded');
    const id = `r-${text}`;
    releases.insert({ id, rule, slot, image: sha256, dropId: drop.id, createdMs: 1, expiresMs: null });
    this.line.wake();
    return id;
  }

  csv(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  units(): readonly Unit[] {
    return [...this.journal.units.list({ limit: 1000 })].reverse();
  }

  #open(): ProductionLine {
    const context = givenContext();
    const log: Logger = silentLogger;
    const parts: LineParts = {
      journal: this.journal,
      clock: systemClock,
      log,
      bench: this.bench,
      backups: new BackupShelf(join(this.folder, 'backups'), systemClock),
      rules: () => openRuleBook(this.rules, context),
      loadImage: async (sha256) => {
        const image = this.#images.get(sha256);
        if (image === undefined) throw new Error(`no image ${sha256}`);
        return image;
      },
      onProgress: () => undefined,
      isPortTaken: (deviceId) => this.takenPorts.has(deviceId),
      onPortFree: () => {
        this.freedPorts += 1;
      },
      onFatal: (error) => this.fatal.push(error),
    };
    return new ProductionLine(parts);
  }
}
