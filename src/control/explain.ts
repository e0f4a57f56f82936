import { whatIsAwaited } from '../jobs/awaited.ts';
import { heldBy } from '../jobs/held-image.ts';
import type { JobRecord } from '../jobs/journal/jobs.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import type { ReleaseRecord } from '../jobs/journal/releases.ts';
import { isForNow } from '../jobs/ladder-waits.ts';
import { isPassing } from '../jobs/renewal.ts';
import { isUnbegun } from '../jobs/retry.ts';
import { type RolloutView, viewRollout } from '../jobs/rollout-view.ts';
import { type DeviceDirectory, idsOf, purposeOf, type RuleBook } from '../jobs/rule-book.ts';
import { isFinal } from '../jobs/state.ts';
import type { Windows } from '../jobs/windows.ts';
import type { Device } from '../model/device.ts';
import type { Decision } from '../model/plan.ts';
import type { ExplainDocument, ReleaseExplanation } from './documents.ts';

/** What an explanation is made of; it is made anew for each question. */
export interface ExplainParts {
  readonly journal: Journal;
  readonly rules: RuleBook;
  readonly devices: DeviceDirectory;
  readonly windows: Windows;
  readonly nowMs: number;
}

/** Says for each current release what it means for this device: which rule, what next and when, and why not now. Changes nothing. */
export function explain(device: Device, parts: ExplainParts): ExplainDocument {
  const { releases: table } = parts.journal;
  const undos = table.undosFor(idsOf(device));
  const releases = [...table.current(), ...undos].flatMap((release) => explainRelease(device, release, parts));
  return { device, holds: heldBy(device, parts.journal), releases };
}

function explainRelease(device: Device, release: ReleaseRecord, parts: ExplainParts): ReleaseExplanation[] {
  const { journal, rules } = parts;
  const image = journal.images.get(release.image);
  if (image === null) return [];
  const decision = rules.decide({ ...image, name: release.imageName }, device, purposeOf(release));
  const [job = null] = journal.jobs.ofDevice(release.id, idsOf(device));
  const rollout = rolloutOf(release, parts);
  const isTakenBack = journal.releases.undosFor(idsOf(device)).some(({ undoOf }) => undoOf === release.id);
  const isOthers = decision.rule !== release.rule && job === null;
  return [
    {
      release: release.id,
      releaseRule: release.rule,
      image: release.image,
      imageName: release.imageName,
      rule: decision.rule,
      shadowed: decision.shadowed,
      refusal: decision.kind === 'refuse' ? decision.refusal : null,
      first: firstOf(decision),
      job: job === null ? null : jobSummary(job),
      undoOf: release.undoOf,
      rollout: rollout && rolloutSummary(rollout),
      ...(isOthers ? notForIt(decision, release) : outlook({ device, decision, job, rollout, isTakenBack }, parts)),
    },
  ];
}

type Outlook = Pick<ReleaseExplanation, 'next' | 'nextMs' | 'whyNotNow'>;

const nothing = (next: string): Outlook => ({ next, nextMs: null, whyNotNow: null });

function notForIt(decision: Decision, release: ReleaseRecord): Outlook {
  if (decision.rule === null) return nothing('nothing: no rule brings this image to this device');
  return nothing(
    `nothing: rule "${decision.rule}" decides for this device, and this is a release of "${release.rule}"`,
  );
}

/** What is known of a release on a device. */
interface Situation {
  readonly device: Device;
  readonly decision: Decision;
  readonly job: JobRecord | null;
  readonly rollout: RolloutView | null;
  /** Another release gives the device back what it had before. */
  readonly isTakenBack: boolean;
}

function outlook(situation: Situation, parts: ExplainParts): Outlook {
  const { decision, job, isTakenBack } = situation;
  if (job !== null && isTakenBack && isFinal(job.state)) return nothing('nothing: it was taken back on this device');
  switch (job?.state) {
    case 'running':
      return nothing('it is being sent now');
    case 'confirming':
      return nothing(`${whatIsAwaited(job)}; nothing is sent to it meanwhile`);
    case 'soaking':
      return nothing('it is back; it is watched for a while');
    case 'succeeded':
      return nothing('nothing: this release is done here');
    case 'failed':
      return ofFailed(job, parts);
    case 'cancelled':
      return nothing(`nothing: the job was taken out; "dropflash retry ${job.id}" starts it again`);
    case 'superseded':
      return nothing('nothing: a newer release has taken its place');
    case 'queued':
      return ofQueued({ ...situation, job }, parts);
    case undefined:
      return decision.kind === 'refuse'
        ? nothing('nothing: the rules leave the device alone')
        : nothing('a job is planned as soon as the device is seen');
  }
}

/** What is begun anew without a person: a device that comes back, a rung that is dropped, the next window of the rule. */
function ofFailed(job: JobRecord, { rules, windows, nowMs }: ExplainParts): Outlook {
  const byHand = `"dropflash retry ${job.id}" starts it again at once`;
  const when = rules.rule(job.rule)?.when;
  const rule = rules.rule(job.rule);
  if (rule !== null && when?.kind === 'window' && isPassing(job))
    return {
      next: `another try when its next window opens; ${byHand}`,
      nextMs: windows.opensAt(rule, nowMs),
      whyNotNow: null,
    };
  if (job.error?.code === 'JOB_RUNG_MISSING') return nothing(`another try when that image is dropped; ${byHand}`);
  if (isUnbegun(job.error?.code)) return nothing(`another try when the device is seen to come back; ${byHand}`);
  return nothing(`nothing by itself; "dropflash retry ${job.id}" starts it again`);
}

function ofQueued(situation: Situation & { readonly job: JobRecord }, parts: ExplainParts): Outlook {
  const { device, decision, job, rollout } = situation;
  if (parts.rules.rule(job.rule) === null) {
    const next = `nothing while rule "${job.rule}" is not in the config; "dropflash cancel ${job.id}" takes the job out`;
    return { next, nextMs: null, whyNotNow: job.waitingFor };
  }
  if (decision.kind === 'refuse' && isForNow(decision.refusal.code)) {
    const whyNotNow = job.waitingFor ?? decision.refusal.reason;
    return { next: 'an attempt when that has changed, else its end', nextMs: null, whyNotNow };
  }
  if (decision.kind === 'refuse' || decision.rule !== job.rule) {
    return nothing('the job is taken out when its turn comes: the rules say otherwise now');
  }
  const held = rollout === null ? null : whileHeld(job, rollout);
  if (held !== null) return held;
  const rule = parts.rules.rule(job.rule);
  const opensMs = rule === null ? null : parts.windows.opensAt(rule, parts.nowMs);
  const dueMs = Math.max(job.notBeforeMs, opensMs ?? 0);
  const when = device.presence === 'away' ? 'an attempt when the device is back' : 'an attempt';
  return { next: when, nextMs: dueMs > parts.nowMs ? dueMs : null, whyNotNow: job.waitingFor };
}

/** What the rollout of a queued job waits for; null: it lets the job go. */
function whileHeld(job: JobRecord, { state, release, stage, why, untilMs }: RolloutView): Outlook | null {
  if (state === 'paused') {
    const next = `nothing until a person decides: "dropflash approve ${release}", "abort" or "undo"`;
    return { next, nextMs: null, whyNotNow: `its rollout is paused at ${stage}: ${why}` };
  }
  if (job.wave !== null) return null;
  return { next: 'an attempt when its wave comes', nextMs: untilMs, whyNotNow: `its rollout is at ${stage}: ${why}` };
}

function rolloutOf(release: ReleaseRecord, { journal, devices, nowMs }: ExplainParts): RolloutView | null {
  const rollout = journal.rollouts.get(release.id);
  return rollout === null ? null : viewRollout(journal, devices, rollout, nowMs);
}

function rolloutSummary({ state, stage, why, untilMs }: RolloutView): ReleaseExplanation['rollout'] {
  return { state, stage, why, untilMs };
}

function firstOf(decision: Decision): ReleaseExplanation['first'] {
  if (decision.kind === 'refuse' || decision.first === null) return null;
  const { version, image, reason } = decision.first;
  return { version, imageName: image.name, reason };
}

/** What an explanation tells of a job. */
export function jobSummary({ id, state, proof, attempts, error }: JobRecord): ReleaseExplanation['job'] {
  return { id, state, proof, attempts, error };
}
