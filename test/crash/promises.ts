import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { JobRecord } from '../../src/jobs/journal/jobs.ts';
import { Journal } from '../../src/jobs/journal/journal.ts';
import { isFinal, type JobEvent, nextState } from '../../src/jobs/state.ts';
import { DROP_FOLDERS, type DropResult } from '../../src/model/drop.ts';
import type { JobState } from '../../src/model/job.ts';
import { isForRule, type Site } from './site.ts';

const RESULT_SUFFIX = '.result.json';
const EVERYTHING = 1_000_000;
/** How a job of a healthy device may fail: a daemon was killed while the answer was on its way. */
const HONEST_FAILURE = 'JOB_OUTCOME_UNKNOWN';

/** Every promise that was broken at a site whose daemon has finished its work and stopped; empty: all kept. */
export async function findViolations(site: Site): Promise<string[]> {
  const journal = Journal.openToRead(site.journalPath);
  try {
    const names = new Map(journal.devices.all().map(({ id, name }) => [id, name]));
    const jobs = journal.jobs
      .list({ limit: EVERYTHING })
      .map((job) => ({ ...job, name: names.get(job.device) ?? '?' }));
    return [
      ...brokenDatabase(site),
      ...lostFiles(site),
      ...litter(site),
      ...damagedStore(site),
      ...lostJobs(site, journal, jobs),
      ...jobs.flatMap((job) => wrongHistory(journal, job)),
      ...jobs.flatMap((job) => wrongOutcome(site, job)),
      ...secondFlashes(site),
    ];
  } finally {
    journal.close();
  }
}

/** How often jobs ended how. */
export function countOutcomes(site: Site): Map<string, number> {
  const journal = Journal.openToRead(site.journalPath);
  const counts = new Map<string, number>();
  for (const { state, error } of journal.jobs.list({ limit: EVERYTHING })) {
    const outcome = state === 'failed' ? `${state} ${error?.code}` : state;
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  journal.close();
  return counts;
}

interface NamedJob extends JobRecord {
  readonly name: string;
}

function brokenDatabase({ journalPath }: Site): string[] {
  const database = new DatabaseSync(journalPath, { readOnly: true });
  const integrity = database.prepare('PRAGMA integrity_check').all();
  const dangling = database.prepare('PRAGMA foreign_key_check').all();
  const unfinished = database.prepare('SELECT name, folder FROM drops WHERE finished = 0').all();
  database.close();
  return [
    ...integrity.filter((row) => row['integrity_check'] !== 'ok').map((row) => `journal: ${JSON.stringify(row)}`),
    ...dangling.map((row) => `journal: dangling reference ${JSON.stringify(row)}`),
    ...unfinished.map((row) => `journal: unfinished drop ${JSON.stringify(row)}`),
  ];
}

/** Each dropped file stands in exactly one last folder, with its own bytes, and a result beside it that says so. */
function lostFiles(site: Site): string[] {
  const violations: string[] = [];
  const found = new Map<string, number>();
  for (const folder of DROP_FOLDERS) {
    const path = join(site.dropPath, folder);
    for (const name of readdirSync(path).filter((entry) => !entry.endsWith(RESULT_SUFFIX) && !entry.startsWith('.'))) {
      if (folder === 'working') violations.push(`file: ${name} is left in working/`);
      const sha256 = sha256Of(readFileSync(join(path, name)));
      found.set(sha256, (found.get(sha256) ?? 0) + 1);
      violations.push(...wrongResult(path, folder, name, sha256));
    }
  }
  for (const name of site.untaken()) violations.push(`file: ${name} was never taken`);
  for (const sha256 of new Set(site.dropped.map((file) => file.sha256))) {
    const files = site.dropped.filter((file) => file.sha256 === sha256).map(({ name }) => name);
    const times = found.get(sha256) ?? 0;
    if (times !== files.length) violations.push(`file: ${files.join(' and ')} found ${times} times`);
    found.delete(sha256);
  }
  for (const sha256 of found.keys()) violations.push(`file: bytes that nobody dropped, ${sha256}`);
  return violations;
}

function wrongResult(path: string, folder: string, name: string, sha256: string): string[] {
  try {
    const result: DropResult = JSON.parse(readFileSync(join(path, `${name}${RESULT_SUFFIX}`), 'utf8'));
    const isRight = result.outcome === folder && result.sha256 === sha256 && result.summary !== '';
    return isRight ? [] : [`result: ${folder}/${name} has the result ${JSON.stringify(result)}`];
  } catch (error) {
    return [`result: ${folder}/${name} has none (${error})`];
  }
}

/** Nothing half-written stays behind, and no result without its file. */
function litter(site: Site): string[] {
  return ['.', ...DROP_FOLDERS].flatMap((folder) => {
    const names = readdirSync(join(site.dropPath, folder));
    const present = new Set(names);
    const isLitter = (name: string): boolean =>
      name.startsWith('.') || (name.endsWith(RESULT_SUFFIX) && !present.has(name.slice(0, -RESULT_SUFFIX.length)));
    return names.filter(isLitter).map((name) => `litter: ${folder}/${name}`);
  });
}

function damagedStore(site: Site): string[] {
  const folder = join(site.dataPath, 'firmware');
  return readdirSync(folder)
    .filter((name) => sha256Of(readFileSync(join(folder, name))) !== name)
    .map((name) => `store: ${name} is not what its name says`);
}

/** Each device of a current release has one job, and no device of any release has two. */
function lostJobs(site: Site, journal: Journal, jobs: readonly NamedJob[]): string[] {
  return journal.releases.newest(EVERYTHING).flatMap((release) => {
    const devices = site.fleet.devices.map(({ name }) => name).filter((name) => isForRule(release.rule, name));
    return devices.flatMap((name) => {
      const times = jobs.filter((job) => job.release === release.id && job.name === name).length;
      const isRight = times === 1 || (times === 0 && release.state !== 'current');
      return isRight ? [] : [`jobs: ${times} for ${name} of ${release.state} release ${release.imageName}`];
    });
  });
}

/** Every transition follows the table of states, and the last one led to where the job is. */
function wrongHistory(journal: Journal, job: NamedJob): string[] {
  let state: JobState | null = null;
  for (const { event, from, to } of journal.jobs.transitionsOf(job.id)) {
    const expected: JobState | null = state === null ? 'queued' : stateAfter(state, event);
    if (from !== state || to !== expected) return [`history: job ${job.id} went from ${from} by ${event} to ${to}`];
    state = to;
  }
  return state === job.state ? [] : [`history: job ${job.id} is ${job.state} and its history ends with ${state}`];
}

function stateAfter(state: JobState, event: string): JobState | null {
  try {
    return nextState(state, event as JobEvent);
  } catch {
    return null;
  }
}

/** Every job has come to an end; a success is one by the device's own account; a failure is one that says that nobody knows. */
function wrongOutcome(site: Site, job: NamedJob): string[] {
  const what = `job ${job.id} of ${job.name}`;
  if (!isFinal(job.state)) return [`outcome: ${what} is still ${job.state}`];
  const device = site.fleet.devices.find(({ name }) => name === job.name);
  if (device === undefined) return [`outcome: ${what}, a device that does not exist`];
  const took = device.installed.some(({ sha256 }) => sha256 === job.image);
  if (job.state === 'succeeded' && !took) return [`false success: ${what} never took the image`];
  if (job.state === 'failed' && job.error?.code !== HONEST_FAILURE) {
    return [`outcome: ${what} failed with ${job.error?.code}: ${job.error?.message}`];
  }
  if (job.state === 'cancelled') return [`outcome: ${what} was cancelled`];
  return [];
}

/** No device got an image again that it had already. */
function secondFlashes(site: Site): string[] {
  return site.fleet.devices.flatMap(({ name, installed, running, counts }) => {
    const hashes = installed.map(({ sha256 }) => sha256);
    const violations: string[] = [];
    if (new Set(hashes).size !== hashes.length) violations.push(`second flash: ${name} took ${hashes.join(', ')}`);
    if (counts.uploadsFinished !== hashes.length)
      violations.push(`second flash: ${name} finished ${counts.uploadsFinished}`);
    if (running?.sha256 !== hashes.at(-1)) violations.push(`${name} does not run what it took last`);
    return violations;
  });
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
