import type { ErrorReport } from '../errors.ts';
import type { AttemptRecord } from '../jobs/journal/attempts.ts';
import type { HeldImage } from '../jobs/journal/devices.ts';
import type { JobRecord, TransitionRecord } from '../jobs/journal/jobs.ts';
import type { RolloutView } from '../jobs/rollout-view.ts';
import type { Device } from '../model/device.ts';
import type { RefusalCode } from '../model/plan.ts';
import type { UnitState } from '../model/unit.ts';

/** What the control API answers with. Keys are only ever added to within `/v1`. */

/** The daemon at a glance. */
export interface StatusDocument {
  readonly pid: number;
  readonly version: string;
  readonly startedMs: number;
  readonly devices: { readonly present: number; readonly away: number; readonly unknown: number };
  readonly jobs: { readonly queued: number; readonly running: number; readonly confirming: number };
  /** Jobs that hold a device at this moment, oldest first. */
  readonly underWay: readonly UnderWayDocument[];
  /** Boards that are being worked on at the production line, oldest first. */
  readonly boards: readonly BoardDocument[];
}

/** A run on the production line that has no end yet. */
export interface BoardDocument {
  readonly unit: string;
  /** The name of the slot. */
  readonly device: string;
  readonly port: string;
  readonly state: UnitState;
  /** Null until the board has said it. */
  readonly mac: string | null;
  /** Of the step that it is at; null until its first bytes. */
  readonly sentBytes: number | null;
  readonly totalBytes: number | null;
}

/** A job that is being sent, or whose device is awaited. */
export interface UnderWayDocument {
  readonly job: string;
  readonly device: string;
  readonly rule: string;
  readonly state: 'running' | 'confirming';
  readonly step: string | null;
  /** Null until the first bytes were sent, and after a restart of the daemon. */
  readonly sentBytes: number | null;
  readonly totalBytes: number | null;
}

/** What became of a reload. With `problems` the old config is still at work. */
export interface ReloadDocument {
  readonly accepted: boolean;
  readonly problems: readonly string[];
  /** Keys that changed and take a restart. */
  readonly needRestart: readonly string[];
}

/** A job after a command. */
export interface JobDocument {
  readonly job: JobRecord;
  readonly device: string;
}

/** What became of an order for many devices: jobs that wait for their turn now, and why other devices get none. */
export interface BatchDocument {
  readonly planned: readonly JobDocument[];
  readonly refused: readonly { readonly device: string; readonly reason: string }[];
  /** The place where devices fetch it by themselves no longer; what they have already they keep. */
  readonly withdrawnFrom?: string;
  /** The release was current and is withdrawn; so many jobs that had not begun are cancelled. */
  readonly takenOut?: number;
}

/** What was done to a device, newest job first. */
export interface HistoryDocument {
  readonly device: Device;
  /** The application that it is known to hold. */
  readonly holds: (HeldImage & { readonly name: string | null }) | null;
  readonly jobs: readonly HistoryJob[];
}

/** One job in the answer of `history`. */
export interface HistoryJob extends JobRecord {
  readonly imageName: string | null;
  readonly attemptRecords: readonly AttemptRecord[];
  readonly transitions: readonly TransitionRecord[];
}

/** What a device ought to run, and what happens next. */
export interface ExplainDocument {
  readonly device: Device;
  readonly holds: (HeldImage & { readonly name: string | null }) | null;
  /** One entry for each current release, and for each that takes back one of them on this device. */
  readonly releases: readonly ReleaseExplanation[];
}

/** One release in the answer of `explain`: what it means for the device. */
export interface ReleaseExplanation {
  readonly release: string;
  readonly releaseRule: string;
  readonly image: string;
  readonly imageName: string;
  /** The rule that decides for this device and image; null where none matches. */
  readonly rule: string | null;
  /** Other rules that match as well and do not decide. */
  readonly shadowed: readonly string[];
  /** Why the rules leave the device alone; null where they do not. */
  readonly refusal: { readonly code: RefusalCode; readonly reason: string } | null;
  /** The image of the ladder that it gets before this one; null: none. */
  readonly first: { readonly version: string; readonly imageName: string; readonly reason: string } | null;
  readonly job: Pick<JobRecord, 'id' | 'state' | 'proof' | 'attempts' | 'error'> | null;
  /** The release that this one takes back: a re-flash of what the device ran before. Null: an ordinary one. */
  readonly undoOf: string | null;
  /** How its rollout stands; null: it has none. */
  readonly rollout: Pick<RolloutView, 'state' | 'stage' | 'why' | 'untilMs'> | null;
  /** What happens next, in a sentence. */
  readonly next: string;
  /** When, epoch ms; null: as soon as what `next` names happens, or never. */
  readonly nextMs: number | null;
  /** Why it does not happen now; null where nothing is in the way, or there is nothing to do. */
  readonly whyNotNow: string | null;
}

/** One line of the event stream: what the log says, as it happens. `event` comes from the log's own list. */
export interface EventDocument {
  /** Epoch ms. */
  readonly atMs: number;
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The body of any answer that is not 2xx. */
export interface FailureDocument {
  readonly error: ErrorReport;
}
