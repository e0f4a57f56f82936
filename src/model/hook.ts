/** Events of the log that a hook may be for (docs/architecture.md, "Log"). */
export const HOOK_EVENTS = [
  'file.accepted',
  'file.rejected',
  'file.unmatched',
  'file.duplicate',
  'release.new',
  'release.undone',
  'job.started',
  'job.retry',
  'job.succeeded',
  'job.failed',
  'rollout.started',
  'rollout.advanced',
  'rollout.paused',
  'rollout.resumed',
  'rollout.approved',
  'rollout.finished',
  'rollout.aborted',
  'publication.published',
  'publication.fetched',
  'publication.accepted',
  'publication.withdrawn',
  'publication.failed',
  'publication.doubtful',
  'window.missed',
  'unit.started',
  'unit.succeeded',
  'unit.skipped',
  'unit.refused',
  'unit.failed',
  'device.seen',
  'device.lost',
  'drop.folder_gone',
  'audit.broken',
] as const;

/** An event that a hook may be for: those that a person would want to be called for. */
export type HookEvent = (typeof HOOK_EVENTS)[number];

/** Tells something outside that an event has happened. */
export interface Hook {
  readonly on: readonly HookEvent[];
  /** A program with its arguments, which gets the event on stdin; or an address that it is posted to. */
  readonly call:
    | { readonly kind: 'run'; readonly command: readonly string[] }
    | { readonly kind: 'post'; readonly url: string };
  /** How long one try may take. */
  readonly timeoutMs: number;
  /** Further tries after one that failed. */
  readonly retries: number;
}
