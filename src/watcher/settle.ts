import type { Dossier } from '../model/image.ts';
import type { SidecarState } from './sidecar.ts';
import { isUnchanged, type Snapshot } from './snapshot.ts';

/** How long a file must be left alone. All in milliseconds. */
export interface SettleTimes {
  /** For a file that cannot prove that it is whole. */
  readonly settleMs: number;
  /** For one whose content proves it: guards against looking between two writes. */
  readonly confirmMs: number;
}

/**
 * A file that contradicts itself (ends early, wrong checksum) is most likely still being copied: by a slow link, or into space
 * that Samba allocated beforehand. It gets this many times `settleMs` before it is believed to be broken.
 */
export const PATIENCE = 3;
/**
 * One that ends before its structure does may be what a broken connection left: it gets this many times, so that the rest can be sent after it
 * (`sftp reput`, `curl -C -`, `rsync --append-verify`), which ask for the length of what is there.
 */
const RESUME_PATIENCE = 15;
/** A writer that makes pauses may be in one: it must have been still for this many times its longest. */
const PAUSES = 2;
const LOOKS_UNFINISHED = new Set<string>(['IMAGE_CORRUPT', 'IMAGE_MALFORMED']);

/** What the bytes of a file say about whether there are more to come. */
export type ContentVerdict =
  /** Structure and a hash or CRC agree that the image ends where the file does. */
  | 'whole'
  /** Structure says so and nothing contradicts it, but no hash proves it, or a signature could follow. */
  | 'plausible'
  /** Nothing is wrong with it, and nothing proves that it is all. */
  | 'open'
  /** It ends before its own structure does: there is less than there has to be. */
  | 'cut'
  /** It contradicts itself otherwise, as a file does of which not all parts are written. */
  | 'unfinished'
  /** Nobody it is trusted from vouches for it (yet): its signature may follow. It was not looked into. */
  | 'unvouched';

/** What reading a file told. Holds for one state of the file only. */
export interface Examination {
  /** Null for a file that is too large to be firmware, and was not read. */
  readonly sha256: string | null;
  readonly verdict: ContentVerdict;
}

/** What is known of one file in the drop folder. Times are monotonic milliseconds. */
export interface FileHistory {
  readonly firstSeenMs: number;
  readonly snapshot: Snapshot;
  readonly sidecar: SidecarState | null;
  /** The `.minisig` beside it, where signatures are asked for. */
  readonly signature?: Snapshot | null;
  /** Since when neither the file nor its sidecar was seen to change. */
  readonly unchangedSinceMs: number;
  /** How often it was seen to change: 0 for one that has always looked as it does now. */
  readonly changes: number;
  /** The longest it stood still between two changes, in milliseconds: how its writer goes about it. */
  readonly longestPauseMs: number;
  /** It got its name by a rename (or a link), so whoever wrote it says that it is done. */
  readonly wasMoved: boolean;
  readonly examination: Examination | null;
}

/** Why a file counts as whole: docs/drop-folder.md, "When a file is taken". */
export type Proof = 'sidecar' | 'whole' | 'moved' | 'settled';

/** What is to be done with a file now. */
export type Decision =
  | { readonly action: 'wait'; readonly untilMs: number }
  /** Read it, record the {@link Examination}, and decide again. */
  | { readonly action: 'examine' }
  | { readonly action: 'take'; readonly proof: Proof }
  | { readonly action: 'refuse'; readonly sidecarSha256: string | null }
  /** Nothing to do until it changes. */
  | { readonly action: 'leave' };

/** One look at a file and what stands beside it. */
export interface Look {
  readonly snapshot: Snapshot;
  readonly sidecar: SidecarState | null;
  readonly signature?: Snapshot | null;
  readonly wasMoved: boolean;
}

/** Adds one look at the file to what is known of it. */
export function observe(history: FileHistory | null, look: Look, nowMs: number): FileHistory {
  if (history === null) {
    return { ...look, firstSeenMs: nowMs, unchangedSinceMs: nowMs, changes: 0, longestPauseMs: 0, examination: null };
  }
  const isFileUnchanged = isUnchanged(history.snapshot, look.snapshot);
  const isSignatureUnchanged = isSameSnapshot(history.signature ?? null, look.signature ?? null);
  if (isFileUnchanged && isSignatureUnchanged && isSidecarUnchanged(history.sidecar, look.sidecar)) {
    return look.wasMoved === history.wasMoved ? history : { ...history, wasMoved: look.wasMoved };
  }
  // What passes before the first byte says nothing of the pauses between the others.
  const pauseMs = history.snapshot.sizeBytes === 0 ? 0 : nowMs - history.unchangedSinceMs;
  return {
    ...look,
    firstSeenMs: history.firstSeenMs,
    unchangedSinceMs: nowMs,
    changes: history.changes + 1,
    longestPauseMs: Math.max(history.longestPauseMs, pauseMs),
    examination: isFileUnchanged && isSignatureUnchanged ? history.examination : null,
  };
}

function isSameSnapshot(one: Snapshot | null, other: Snapshot | null): boolean {
  if (one === null || other === null) return one === other;
  return isUnchanged(one, other);
}

function isSidecarUnchanged(one: SidecarState | null, other: SidecarState | null): boolean {
  if (one === null || other === null) return one === other;
  return one.sha256 === other.sha256 && isUnchanged(one.snapshot, other.snapshot);
}

/**
 * Is the file complete? Any one of these takes it: its sidecar's hash is its own; its content proves that it is whole and it
 * has stopped growing; it was renamed into place; it has stood still for `settleMs`. A sidecar, once there, is the only
 * judge. Pure: a premature take is a mistake in here, or in the looks.
 */
export function decide(history: FileHistory, nowMs: number, times: SettleTimes): Decision {
  const quietMs = nowMs - history.unchangedSinceMs;
  const after = (neededMs: number, decision: Decision): Decision =>
    quietMs >= neededMs ? decision : { action: 'wait', untilMs: history.unchangedSinceMs + neededMs };

  if (history.snapshot.sizeBytes === 0) return after(times.settleMs, { action: 'leave' });
  const confirmMs = history.wasMoved && history.changes === 0 ? 0 : times.confirmMs;
  if (history.examination === null) return after(confirmMs, { action: 'examine' });

  const { sha256, verdict } = history.examination;
  // Its signature may come after the file: without one it is not taken, but refused by whoever takes it in.
  if (verdict === 'unvouched') return after(times.settleMs, { action: 'take', proof: 'settled' });
  if (history.sidecar !== null) {
    if (sha256 !== null && history.sidecar.sha256 === sha256) return { action: 'take', proof: 'sidecar' };
    return after(times.settleMs, { action: 'refuse', sidecarSha256: history.sidecar.sha256 });
  }
  const { neededMs, proof } = quietNeeded(history, verdict, confirmMs, times);
  return after(neededMs, { action: 'take', proof });
}

/** How long a file must have been still to be taken on its content's word. */
function quietNeeded(
  { wasMoved, longestPauseMs }: FileHistory,
  verdict: Exclude<ContentVerdict, 'unvouched'>,
  confirmMs: number,
  times: SettleTimes,
): { readonly neededMs: number; readonly proof: Proof } {
  switch (verdict) {
    case 'whole':
      return { neededMs: Math.min(times.settleMs, Math.max(confirmMs, longestPauseMs * PAUSES)), proof: 'whole' };
    case 'plausible':
      if (wasMoved) return { neededMs: confirmMs, proof: 'moved' };
      return { neededMs: times.settleMs, proof: 'settled' };
    case 'open':
      if (wasMoved) return { neededMs: times.confirmMs, proof: 'moved' };
      return { neededMs: times.settleMs, proof: 'settled' };
    case 'cut':
      return { neededMs: times.settleMs * (wasMoved ? 1 : RESUME_PATIENCE), proof: 'settled' };
    case 'unfinished':
      return { neededMs: times.settleMs * (wasMoved ? 1 : PATIENCE), proof: 'settled' };
  }
}

/** Judges the content of a file by its dossier, which calls only that `complete` what a hash or CRC proves to be. */
export function contentVerdict({ completeness, problems }: Pick<Dossier, 'completeness' | 'problems'>): ContentVerdict {
  if (completeness === 'truncated' || problems.some(({ code }) => code === 'IMAGE_TRUNCATED')) return 'cut';
  if (problems.some(({ code }) => LOOKS_UNFINISHED.has(code))) return 'unfinished';
  if (problems.length > 0) return 'open';
  if (completeness === 'complete') return 'whole';
  return completeness === 'may-continue' ? 'plausible' : 'open';
}
