import type { ErrorReport } from '../errors.ts';
import type { Proof } from './proof.ts';

/** Of a job, as the journal has it; `src/jobs/state.ts` says which follows on which. */
export const JOB_STATES = [
  /** Ready to start, or waiting for its turn, its device, its window or the end of a pause between attempts. */
  'queued',
  /** An attempt is under way. */
  'running',
  /** The device accepted the image (or may have); its return is awaited. Nothing is sent. */
  'confirming',
  /** The device is back and is watched for a while. Nothing is sent. */
  'soaking',
  'succeeded',
  'failed',
  'cancelled',
  'superseded',
] as const;

/** One of {@link JOB_STATES}. */
export type JobState = (typeof JOB_STATES)[number];

/** The stages of an attempt that the journal knows. From `commit` on the device may have taken the image. */
export const STEPS = ['prepare', 'write', 'commit', 'confirm'] as const;

/** One of {@link STEPS}. */
export type Step = (typeof STEPS)[number];

/** One image for one device, with the images that it has to run before. */
export interface Job {
  readonly id: string;
  readonly release: string;
  readonly rule: string;
  readonly device: string;
  /** What it brings now: the image of its release, or of a rung of the ladder that comes before that. */
  readonly image: string;
  readonly state: JobState;
  readonly step: Step | null;
  /** The strongest that was seen; null: nothing was sent whole yet. */
  readonly proof: Proof | null;
  readonly attempts: number;
  /** Not before this time, epoch ms. */
  readonly notBeforeMs: number;
  /** Why a queued job is not running, for people: `device is away`, `window opens at …`. */
  readonly waitingFor: string | null;
  readonly error: ErrorReport | null;
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** What an image replaces on a device; `flash` is more than either. Each is superseded, skipped and undone on its own. */
export type ImageTarget = 'app' | 'filesystem' | 'flash';

/** The newest image that a rule accepted, for one chip and kind: what its devices ought to run. */
export interface Release {
  readonly id: string;
  readonly rule: string;
  /** Rule, image kind and chip: a newer release of the same slot supersedes this one. */
  readonly slot: string;
  readonly image: string;
  /** Of the file that brought it. The same bytes may have come under other names. */
  readonly imageName: string;
  readonly createdMs: number;
  readonly expiresMs: number | null;
  /** The release that this one takes back, on single devices; null: an ordinary one. */
  readonly undoOf: string | null;
  /** The release of the same image that this one brings to all devices once more (`refresh: always`); null: an ordinary one. */
  readonly refreshOf: string | null;
  /** `withdrawn`: a person has aborted its rollout. */
  readonly state: 'current' | 'superseded' | 'expired' | 'withdrawn';
}
