import type { JobRecord } from '../jobs/journal/jobs.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import type { ReleaseRecord } from '../jobs/journal/releases.ts';
import { idsOf, type RuleBook } from '../jobs/rule-book.ts';
import type { Device } from '../model/device.ts';
import type { Decision } from '../model/plan.ts';
import type { Rule } from '../model/rule.ts';
import type { ExplainDocument, ReleaseExplanation } from './documents.ts';
import { heldBy } from './history.ts';

export interface ExplainParts {
  readonly journal: Journal;
  readonly rules: RuleBook;
  /** When a rule's window opens next, epoch ms; null while it is open. */
  readonly opensAt: (rule: Rule, nowMs: number) => number | null;
  readonly nowMs: number;
}

/** Says for each current release what it means for this device: which rule, what next and when, and why not now. Changes nothing. */
export function explain(device: Device, parts: ExplainParts): ExplainDocument {
  const releases = parts.journal.releases.current().flatMap((release) => explainRelease(device, release, parts));
  return { device, holds: heldBy(device, parts.journal), releases };
}

function explainRelease(device: Device, release: ReleaseRecord, parts: ExplainParts): ReleaseExplanation[] {
  const { journal, rules } = parts;
  const image = journal.images.get(release.image);
  if (image === null) return [];
  const decision = rules.decide({ ...image, name: release.imageName }, device);
  const [job = null] = journal.jobs.ofDevice(release.id, idsOf(device));
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
      job: job === null ? null : jobSummary(job),
      ...(isOthers ? notForIt(decision, release) : outlook(device, decision, job, parts)),
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

function outlook(device: Device, decision: Decision, job: JobRecord | null, parts: ExplainParts): Outlook {
  switch (job?.state) {
    case 'running':
      return nothing('it is being sent now');
    case 'confirming':
      return nothing('it was sent; the device is awaited');
    case 'soaking':
      return nothing('it is back; it is watched for a while');
    case 'succeeded':
      return nothing('nothing: this release is done here');
    case 'failed':
      return nothing(`nothing by itself; "dropflash retry ${job.id}" starts it again`);
    case 'cancelled':
      return nothing(`nothing: the job was taken out; "dropflash retry ${job.id}" starts it again`);
    case 'superseded':
      return nothing('nothing: a newer release has taken its place');
    case 'queued':
      return ofQueued(device, decision, job, parts);
    case undefined:
      return decision.kind === 'refuse'
        ? nothing('nothing: the rules leave the device alone')
        : nothing('a job is planned as soon as the device is seen');
  }
}

function ofQueued(
  device: Device,
  decision: Decision,
  job: JobRecord,
  { rules, opensAt, nowMs }: ExplainParts,
): Outlook {
  if (decision.kind === 'refuse' || decision.rule !== job.rule) {
    return nothing('the job is taken out when its turn comes: the rules say otherwise now');
  }
  const rule = rules.rule(job.rule);
  const opensMs = rule === null ? null : opensAt(rule, nowMs);
  const dueMs = Math.max(job.notBeforeMs, opensMs ?? 0);
  const isWaitingForTime = dueMs > nowMs;
  const when = device.presence === 'away' ? 'an attempt when the device is back' : 'an attempt';
  return { next: when, nextMs: isWaitingForTime ? dueMs : null, whyNotNow: job.waitingFor };
}

function jobSummary({ id, state, proof, attempts, error }: JobRecord): ReleaseExplanation['job'] {
  return { id, state, proof, attempts, error };
}
