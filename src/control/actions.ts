import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { JobEngine } from '../jobs/engine.ts';
import type { JobBook } from '../jobs/job-book.ts';
import type { JobRecord } from '../jobs/journal/jobs.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import type { RolloutRecord } from '../jobs/journal/rollouts.ts';
import { noSuch } from '../jobs/no-such.ts';
import { visitorDevices } from '../jobs/pull/visitor-devices.ts';
import { viewRollout } from '../jobs/rollout-view.ts';
import { type DeviceDirectory, deviceName, type RuleBook } from '../jobs/rule-book.ts';
import type { Windows } from '../jobs/windows.ts';
import type { Logger } from '../log.ts';
import type { Device } from '../model/device.ts';
import type { Publication } from '../model/publication.ts';
import type { Unit } from '../model/unit.ts';
import type {
  BatchDocument,
  BoardDocument,
  JobDocument,
  ReloadDocument,
  StatusDocument,
  UnderWayDocument,
} from './documents.ts';
import { explain } from './explain.ts';
import { explainVisitor } from './explain-visitor.ts';
import { findDevice } from './find-device.ts';
import { historyOf } from './history.ts';
import type { Caller, ControlActions, RolloutOrder } from './routes.ts';
import type { Transfers } from './transfers.ts';

/** What of the running daemon the commands look at and act on. */
export interface ActionParts {
  readonly engine: JobEngine;
  readonly journal: Journal;
  readonly book: JobBook;
  readonly devices: DeviceDirectory;
  readonly rules: () => RuleBook;
  readonly windows: Windows;
  /** Jobs whose devices are fetching by themselves now. */
  readonly fetching: () => readonly JobRecord[];
  /** Whether the rule of a publication publishes at its place still. */
  readonly stands: (publication: Publication) => boolean;
  readonly reload: () => Promise<ReloadDocument>;
  readonly transfers: Transfers;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pid: number;
  readonly version: string;
}

/** What an id of a release, or its beginning, looks like. */
const RELEASE_ID = /^r[0-9a-f]+$/i;

/** What the running daemon does when it is asked. */
export function controlActions(parts: ActionParts): ControlActions {
  const { engine, journal, book, devices, clock, log } = parts;
  const startedMs = clock.now();
  /** Of those that discovery knows and of those that came by themselves. */
  const deviceCalled = (text: string): Device => findDevice([...devices.list(), ...visitorDevices(journal)], text);
  /** What an order for a release or a device names, where it is no release. */
  function deviceToUndo(text: string): Device {
    try {
      return deviceCalled(text);
    } catch (error) {
      const isUnknown = error instanceof FlashError && error.code === 'CONTROL_DEVICE_UNKNOWN';
      throw isUnknown && RELEASE_ID.test(text) ? noSuch('release', text, journal) : error;
    }
  }
  const documentOf = (job: JobRecord): JobDocument => ({ job, device: deviceName(devices, job.device) });

  /** What a person orders is known before it is done. */
  function note(command: string, by: Caller, fields: Readonly<Record<string, unknown>>): void {
    log.info('control.command', { command, by: by.claims, ...fields });
    journal.audit.add(`command.${command}`, clock.now(), { by: by.claims, ...fields });
  }

  return {
    status: () => statusOf(parts, startedMs),
    reload(by) {
      note('reload', by, {});
      return parts.reload();
    },
    retry(jobId, force, by) {
      note('retry', by, { job: jobId, force });
      return documentOf(engine.orders.retry(jobId, force));
    },
    retryRelease(release, by) {
      note('retry', by, { release });
      const { planned, refused } = engine.orders.retryRelease(release);
      return {
        planned: planned.map(documentOf),
        refused: refused.map(({ job, error }) => ({
          device: deviceName(devices, job.device),
          reason: `${error.code}: ${error.message}`,
        })),
      };
    },
    undo(releaseOrDevice, by) {
      const isRelease = journal.releases.get(releaseOrDevice) !== null;
      const device = isRelease ? null : deviceToUndo(releaseOrDevice);
      note('undo', by, device === null ? { release: releaseOrDevice } : { device: device.id });
      const who = by.claims ?? 'a person';
      const report =
        device === null ? engine.orders.undoRelease(releaseOrDevice, who) : engine.orders.undoDevice(device, who);
      return { ...report, planned: report.planned.map(documentOf) } satisfies BatchDocument;
    },
    cancel(jobId, by) {
      note('cancel', by, { job: jobId });
      const job = book.get(jobId);
      if (job === null) throw noSuch('job', jobId, journal);
      if (!engine.orders.cancel(jobId)) {
        throw new FlashError(
          'JOB_NOT_CANCELLABLE',
          `job ${jobId} is ${job.state}; only one that waits can be taken out`,
        );
      }
      return documentOf(book.get(jobId) ?? job);
    },
    orderRollout(release, order, by) {
      note(order, by, { release });
      const rollout = decide(engine, release, order, by.claims ?? 'a person');
      return viewRollout(journal, devices, rollout, clock.now());
    },
    history: (text) => historyOf(deviceCalled(text), journal),
    explain(text) {
      const device = deviceCalled(text);
      if (device.visits !== undefined) return explainVisitor(device, parts);
      return explain(device, { journal, devices, rules: parts.rules(), windows: parts.windows, nowMs: clock.now() });
    },
  };
}

function decide(engine: JobEngine, release: string, order: RolloutOrder, by: string): RolloutRecord {
  switch (order) {
    case 'approve':
      return engine.orders.approveRollout(release, by);
    case 'pause':
      return engine.orders.pauseRollout(release, by);
    case 'resume':
      return engine.orders.resumeRollout(release, by);
    case 'abort':
      return engine.orders.abortRollout(release, by);
  }
}

function statusOf(parts: ActionParts, startedMs: number): StatusDocument {
  const { engine, book, journal, devices, transfers, pid, version } = parts;
  const count = { present: 0, away: 0, unknown: 0 };
  for (const { presence } of devices.list()) count[presence] += 1;
  const fetching = parts.fetching();
  const underWay = [...book.in('running', 'confirming'), ...fetching];
  const units = journal.units.running();
  return {
    pid,
    version,
    startedMs,
    devices: count,
    jobs: { ...engine.counts, running: engine.counts.running + fetching.length },
    underWay: underWay.map((job) => underWayOf(job, devices, transfers)),
    boards: units.map((unit) => boardOf(unit, devices, transfers)),
  };
}

function boardOf(
  { id, slot, port, state, board }: Unit,
  devices: DeviceDirectory,
  transfers: Transfers,
): BoardDocument {
  const { sentBytes, totalBytes } = transfers.get(id) ?? { sentBytes: null, totalBytes: null };
  return { unit: id, device: deviceName(devices, slot), port, state, mac: board?.mac ?? null, sentBytes, totalBytes };
}

function underWayOf(job: JobRecord, devices: DeviceDirectory, transfers: Transfers): UnderWayDocument {
  const { sentBytes, totalBytes } = transfers.get(job.id) ?? { sentBytes: null, totalBytes: null };
  return {
    job: job.id,
    device: deviceName(devices, job.device),
    rule: job.rule,
    state: job.state === 'confirming' ? 'confirming' : 'running',
    step: job.step,
    sentBytes,
    totalBytes,
  };
}
