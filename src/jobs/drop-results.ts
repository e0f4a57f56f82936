import type { Clock } from '../clock.ts';
import type { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Drop, DropResult, DropResultJob, FinalFolder } from '../model/drop.ts';
import type { Publication } from '../model/publication.ts';
import type { JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import type { DropVerdict } from './planner.ts';
import { type DeviceDirectory, deviceName } from './rule-book.ts';

/** Moves a finished file to its last folder, with its result beside it. The watcher's intake is one. */
export type FinishDrop = (drop: Drop, folder: FinalFolder, result: DropResult) => Promise<void>;

/** What the end of a file is decided by and written with. */
export interface DropResultParts {
  readonly journal: Journal;
  readonly devices: DeviceDirectory;
  readonly finish: FinishDrop;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Decides when a dropped file is done with, and writes down how it went: first in the journal, then beside the file. */
export class DropResults {
  readonly #parts: DropResultParts;
  /** Files that are being moved: their jobs may end at the same moment. */
  readonly #moving = new Set<string>();

  constructor(parts: DropResultParts) {
    this.#parts = parts;
  }

  /** Ends a file that brought no release, or looks whether the jobs of one that did are all final. */
  async afterPlanning(drop: Drop, verdict: DropVerdict): Promise<void> {
    const { log } = this.#parts;
    const fields = { file: drop.name, image: drop.sha256 };
    switch (verdict.kind) {
      case 'unmatched':
        log.warn('file.unmatched', { ...fields, reasons: verdict.reasons });
        return this.#end(drop, 'unmatched', `No rule takes this file. ${verdict.reasons.join('. ')}`, []);
      case 'unpublishable':
        log.error('file.rejected', { ...fields, rule: verdict.rule, ...verdict.error.toJSON() });
        return this.#end(drop, 'rejected', `${verdict.error.message}. ${verdict.error.hint}`, [], verdict);
      case 'refused': {
        const { code, message, hint } = verdict.error.toJSON();
        log.warn('file.rejected', { ...fields, code, message, hint });
        return this.#end(drop, 'rejected', `Not used: ${message}. ${hint}`, [], verdict);
      }
      case 'duplicate':
        log.info('file.duplicate', { ...fields, release: verdict.release.id });
        return this.#end(
          drop,
          'duplicate',
          `The same bytes are already the current release of rule "${verdict.release.rule}" (${verdict.release.imageName}).`,
          [],
        );
      case 'rung': {
        const rules = verdict.rules.map((rule) => `"${rule}"`).join(', ');
        log.info('file.accepted', { ...fields, releases: 0, jobs: verdict.jobs.length, rung: verdict.version });
        return this.#end(
          drop,
          'done',
          `Kept as rung ${verdict.version} of the ladder of ${rules}: devices below it get it before the current release.`,
          [],
        );
      }
      case 'planned':
        log.info('file.accepted', { ...fields, releases: verdict.releases.length, jobs: verdict.jobs.length });
        return this.look(drop);
    }
  }

  /** Ends the file when all jobs of its releases are final. One that is not planned yet is left alone. */
  async look(dropped: Drop): Promise<void> {
    const { journal } = this.#parts;
    const drop = journal.drops.fileOf(dropped.id) ?? dropped;
    const decided = journal.drops.resultOf(drop.id);
    if (decided !== null) return this.#move(drop, decided);
    // A release that refreshes is not what the file was dropped for.
    const releases = journal.releases.ofDrop(drop.id).filter(({ refreshOf }) => refreshOf === null);
    const publications = releases.flatMap(({ id }) => journal.publications.get(id) ?? []);
    const isActive = releases.some(({ id }) => journal.jobs.isActive(id));
    if (releases.length === 0 || isActive || publications.some(({ state }) => state === 'wanted')) return;
    const sentTo = releases.filter(({ id }) => publications.every(({ release }) => release !== id));
    const jobs = sentTo.flatMap(({ id }) => journal.jobs.ofRelease(id));
    const folder = jobs.some((job) => job.state === 'failed') ? 'failed' : 'done';
    const summaries = [...publications.map(publicationSummary), ...(sentTo.length === 0 ? [] : [summaryOf(jobs)])];
    const warnings = [...new Set(publications.flatMap(({ remarks }) => remarks))];
    const remarked = warnings.map((warning) => `Look at it: ${warning}.`);
    await this.#end(drop, folder, [...summaries, ...remarked].join(' '), jobs, { warnings });
  }

  async #end(
    drop: Drop,
    outcome: FinalFolder,
    summary: string,
    jobs: readonly JobRecord[],
    { error, warnings = [] }: { readonly error?: FlashError; readonly warnings?: readonly string[] } = {},
  ): Promise<void> {
    const result: DropResult = {
      file: drop.name,
      sha256: drop.sha256,
      outcome,
      summary,
      error: error?.toJSON() ?? null,
      ...(warnings.length === 0 ? {} : { warnings }),
      ...releaseOf(drop),
      finishedAt: new Date(this.#parts.clock.now()).toISOString(),
      jobs: jobs.map((job) => this.#entryFor(job)),
    };
    this.#parts.journal.drops.decided(drop.id, result);
    await this.#move(drop, result);
  }

  async #move(drop: Drop, result: DropResult): Promise<void> {
    if (this.#moving.has(drop.id)) return;
    this.#moving.add(drop.id);
    try {
      if (isOnItsWay(drop)) await this.#parts.finish(drop, result.outcome, result);
      for (const part of this.#parts.journal.drops.filePartsOf(drop.id).filter(isOnItsWay)) {
        await this.#parts.finish(part, result.outcome, { ...result, file: part.name, sha256: part.sha256 });
      }
    } finally {
      this.#moving.delete(drop.id);
    }
  }

  #entryFor(job: JobRecord): DropResultJob {
    const { id, device, rule, state, proof, attempts, error } = job;
    const name = deviceName(this.#parts.devices, device);
    return { job: id, device, name, rule, state, proof, attempts, error };
  }
}

/** What is known when the file is done with; which devices came for it is told by "dropflash publications". */
function publicationSummary({ state, place, number }: Publication): string {
  const counted = number === null ? '' : `, number ${number}`;
  switch (state) {
    case 'wanted':
    case 'published':
      return `Published at ${place}${counted}; devices fetch it by themselves.`;
    case 'replaced':
      return `A newer image took its place at ${place}${counted}.`;
    case 'withdrawn':
      return `Withdrawn from ${place}${counted}.`;
  }
}

/** Not yet in its last folder. */
function isOnItsWay({ folder }: Drop): boolean {
  return folder === null || folder === 'working';
}

function releaseOf({ release }: Drop): Pick<DropResult, 'release'> {
  if (release === undefined) return {};
  const { name, version, notes } = release.manifest;
  return { release: { name, version, notes } };
}

function summaryOf(jobs: readonly JobRecord[]): string {
  if (jobs.length === 0) {
    return 'No device that is known now gets it; "dropflash explain DEVICE" tells why. It is recorded as a release: devices that appear later get it.';
  }
  const counts = new Map<string, number>();
  for (const { state } of jobs) counts.set(state, (counts.get(state) ?? 0) + 1);
  const parts = [...counts].map(([state, count]) => `${count} ${state}`);
  return `${jobs.length} ${jobs.length === 1 ? 'device' : 'devices'}: ${parts.join(', ')}.`;
}
