import { setTimeout as pause } from 'node:timers/promises';
import type { DaemonProcess } from '../integration/daemon/daemon-process.ts';
import type { JournalView } from './journal-view.ts';
import type { KillPoint } from './points.ts';
import { IMAGE_BYTES, type Site } from './site.ts';

/** The daemon that is to die, and what can be seen of it. */
export interface Life {
  readonly daemon: DaemonProcess;
  readonly site: Site;
  readonly journal: JournalView;
  /** How many batches were dropped since this daemon was started. */
  readonly drops: () => number;
}

/** Says whether the point is reached; asked again and again. */
type Condition = () => boolean;

const LOOK_EVERY_MS = 1;

/** Resolves with true when the point is reached and its pause is over; with false when `signal` is aborted first. */
export async function reached(point: KillPoint, life: Life, signal: AbortSignal): Promise<boolean> {
  const isReached = conditionOf(point, life);
  while (!isReached()) {
    if (signal.aborted || !life.daemon.isRunning) return false;
    await pause(LOOK_EVERY_MS);
  }
  if (point.kind === 'stop') life.daemon.signal('SIGTERM');
  if ('afterMs' in point && point.afterMs > 0) await pause(point.afterMs);
  return true;
}

function conditionOf(point: KillPoint, life: Life): Condition {
  switch (point.kind) {
    case 'time':
      return () => true;
    case 'event':
      return logged(point.event, life);
    case 'stop':
      return logged('job.started', life);
    case 'transition':
      return transition(point.event, life);
    case 'step':
      return () => life.journal.hasJobIn(point.step);
    case 'transfer':
      return received(point.device, Math.max(1, Math.floor(point.share * IMAGE_BYTES)), life);
    case 'last byte':
      return received(point.device, IMAGE_BYTES, life);
    case 'ok':
      return installed(point.device, life);
    case 'drop':
      return () => life.drops() > 0;
  }
}

function logged(event: string, { daemon }: Life): Condition {
  return () => daemon.lines.some((line) => line.event === event);
}

function transition(event: string, { journal }: Life): Condition {
  const since = journal.lastTransition;
  return () => journal.transitionsAfter(since).some((one) => one.event === event);
}

/** Counted anew with each upload that begins; the bytes of one that broke off do not count. */
function received(nth: number, bytes: number, { site }: Life): Condition {
  const counts = site.fleet.devices[nth]?.counts;
  if (counts === undefined) throw new RangeError(`the fleet has no device ${nth}`);
  let upload = counts.uploadsBegun;
  let receivedBefore = Number.POSITIVE_INFINITY;
  let lastLook = counts.bytesReceived;
  return () => {
    if (counts.uploadsBegun > upload) {
      upload = counts.uploadsBegun;
      receivedBefore = lastLook;
    }
    lastLook = counts.bytesReceived;
    return counts.bytesReceived - receivedBefore >= bytes;
  };
}

function installed(nth: number, { site }: Life): Condition {
  const device = site.fleet.devices[nth];
  const before = device?.installed.length ?? 0;
  return () => (device?.installed.length ?? 0) > before;
}
