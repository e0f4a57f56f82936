import { heldBy } from '../jobs/held-image.ts';
import type { JobRecord } from '../jobs/journal/jobs.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import type { ReleaseRecord } from '../jobs/journal/releases.ts';
import { idsOf } from '../jobs/rule-book.ts';
import type { Device } from '../model/device.ts';
import type { Publication } from '../model/publication.ts';
import type { ExplainDocument, ReleaseExplanation } from './documents.ts';
import { jobSummary } from './explain.ts';

/** What is needed to explain a device that fetches by itself: discovery knows none. */
export interface ExplainVisitorParts {
  readonly journal: Journal;
  /** Whether its rule publishes at this place still. */
  readonly stands: (publication: Publication) => boolean;
}

type Outlook = Pick<ReleaseExplanation, 'next' | 'nextMs' | 'whyNotNow'>;

/** Says for each current release what it means for a device that fetches by itself. Changes nothing. */
export function explainVisitor(device: Device, parts: ExplainVisitorParts): ExplainDocument {
  const { journal } = parts;
  const releases = journal.releases.current().map((release) => explainRelease(device, release, parts));
  return { device, holds: heldBy(device, journal), releases };
}

function explainRelease(device: Device, release: ReleaseRecord, parts: ExplainVisitorParts): ReleaseExplanation {
  const { journal } = parts;
  const publication = journal.publications.get(release.id);
  const comesThere = publication !== null && comesTo(device, publication);
  const [job = null] = journal.jobs.ofDevice(release.id, idsOf(device));
  return {
    release: release.id,
    releaseRule: release.rule,
    image: release.image,
    imageName: release.imageName,
    rule: comesThere ? release.rule : null,
    shadowed: [],
    refusal: null,
    first: null,
    job: job && jobSummary(job),
    undoOf: release.undoOf,
    rollout: null,
    ...(comesThere ? outlook(publication, job, parts.stands(publication)) : notForIt(release, publication)),
  };
}

function comesTo({ visits = [] }: Device, { protocol, place }: Publication): boolean {
  return visits.some((visit) => visit.protocol === protocol && visit.place === place);
}

function notForIt({ rule }: ReleaseRecord, publication: Publication | null): Outlook {
  return publication === null
    ? nothing(`nothing: rule "${rule}" sends to devices that discovery knows, and this one fetches by itself`)
    : nothing(`nothing: it is offered at ${publication.place}, where this device has never come`);
}

function outlook(publication: Publication, job: JobRecord | null, stands: boolean): Outlook {
  switch (job?.state) {
    case 'running':
      return nothing('it is fetching it now');
    case 'succeeded':
      return nothing('nothing: this release is done here');
    case 'superseded':
      return nothing('nothing: the release has ended for this device');
    default:
      return { next: nextVisit(job), nextMs: null, whyNotNow: whyNotNow(publication, job, stands) };
  }
}

function nextVisit(job: JobRecord | null): string {
  return job?.state === 'confirming'
    ? 'a later visit shows whether it took the image'
    : 'it can fetch the image when it comes';
}

function whyNotNow({ rule, place, state, error }: Publication, job: JobRecord | null, stands: boolean): string {
  if (!stands) return `rule "${rule}" does not publish at ${place} now, so that nothing is offered there`;
  if (state === 'wanted') return error === null ? `it is not at ${place} yet` : `${error.code}: ${error.message}`;
  if (job === null) return 'it has not come since the image stands there';
  if (job.state === 'confirming') return 'it has fetched all of it, and nothing has shown yet that it took it';
  if (job.error !== null) return `the last time it broke off: ${job.error.code}: ${job.error.message}`;
  return job.waitingFor ?? 'it has not fetched the image yet';
}

function nothing(next: string): Outlook {
  return { next, nextMs: null, whyNotNow: null };
}
