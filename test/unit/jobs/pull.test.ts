import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { explainVisitor } from '../../../src/control/explain-visitor.ts';
import { findDevice } from '../../../src/control/find-device.ts';
import { FlashError } from '../../../src/errors.ts';
import { NOTHING_FOUND } from '../../../src/firmware/findings.ts';
import { DropResults } from '../../../src/jobs/drop-results.ts';
import { heldBy } from '../../../src/jobs/held-image.ts';
import { JobBook } from '../../../src/jobs/job-book.ts';
import { Journal } from '../../../src/jobs/journal/journal.ts';
import { MOST_WITHOUT_A_FIND } from '../../../src/jobs/journal/visitors.ts';
import { Planner } from '../../../src/jobs/planner.ts';
import { Deliveries } from '../../../src/jobs/pull/deliveries.ts';
import { oddVisits } from '../../../src/jobs/pull/odd-visits.ts';
import { Publisher } from '../../../src/jobs/pull/publisher.ts';
import { visitorDevices } from '../../../src/jobs/pull/visitor-devices.ts';
import { openRuleBook, planContext } from '../../../src/jobs/rule-book.ts';
import type { Drop, DropResult } from '../../../src/model/drop.ts';
import type { FirmwareImage } from '../../../src/model/image.ts';
import type { Publication } from '../../../src/model/publication.ts';
import type { Rule } from '../../../src/model/rule.ts';
import type { PullHost, PullProtocol } from '../../../src/protocols/pull.ts';
import { aRule } from '../../fixtures/records.ts';
import { RecordingLogger } from '../watcher/support.ts';

const RULE: Rule = aRule({
  name: 'motes',
  firmware: { file: '*', chip: null, project: null, version: null, kind: null },
  when: { kind: 'visit' },
  update: { protocol: 'shelf', retries: 0, options: { place: 'here' } },
  verify: { ...aRule().verify, proof: 'accepted' },
});
const VISITOR = { user: 'ota', address: '10.0.7.31' };

let folder: string;
let journal: Journal;
let rules: readonly Rule[];
/** What the place at the other end does next; null: what it is asked. */
let trouble: FlashError | null;
let calls: string[];
let results: DropResult[];
let log: RecordingLogger;
let fetched: unknown[];

/** A protocol that publishes to places; those that begin with `far` are not its own server's. */
const shelf: PullProtocol = {
  name: 'shelf',
  summary: 'a shelf',
  options: {},
  tellsApart: null,
  placeOf: ({ place }) => String(place),
  problemWith: () => null,
  async offer({ name }) {
    if (name.startsWith('bad')) throw new FlashError('IMAGE_MALFORMED', 'it has a bad name');
    const remarks = name.startsWith('odd') ? ['it looks odd'] : [];
    return { part: '', terms: { name }, number: { series: name, first: 1, last: 2 }, remarks };
  },
  isServedHere: (place) => !place.startsWith('far'),
  carrier: () => ({
    publish: async ({ terms }) => carry(`publish ${terms['name']}`),
    withdraw: async ({ terms }) => carry(`withdraw ${terms['name']}`),
  }),
  server: () => null,
};

function carry(what: string): void {
  calls.push(what);
  if (trouble === null) return;
  const error = trouble;
  trouble = null;
  throw error;
}

function parts() {
  const protocols = new Map([[shelf.name, shelf]]);
  const book = () => openRuleBook(rules, planContext(journal, new Map()));
  const devices = { get: () => null, list: () => [] };
  const shared = {
    journal,
    book: new JobBook(journal, systemClock),
    devices,
    clock: systemClock,
    log,
    rules: book,
  };
  const deliveries = new Deliveries({
    ...shared,
    onFetch: ({ id }, sentBytes, totalBytes) => fetched.push({ job: id, sentBytes, totalBytes }),
  });
  const drops = new DropResults({
    ...shared,
    finish: async (drop, to, result) => {
      journal.drops.placed(drop.id, to, drop.name);
      results.push(result);
    },
  });
  const publisher = new Publisher({
    ...shared,
    deliveries,
    protocols,
    loadImage: async (sha256) => ({ ...journal.images.get(sha256), sha256, bytes: new Uint8Array(3) }) as FirmwareImage,
    onSettled: async ({ release }) => {
      const drop = journal.drops.get(journal.releases.get(release)?.dropId ?? '');
      if (drop?.folder === 'working') await drops.look(drop);
    },
    random: () => 0,
    onFatal: (error) => {
      throw error;
    },
  });
  const planner = new Planner({ ...shared, onReleaseEnd: (release, why) => deliveries.release(release, why) });
  const host: PullHost = publisher.hostFor(shelf);
  return { deliveries, publisher, planner, host, drops };
}

type Parts = ReturnType<typeof parts>;

async function drop(name: string, bytes: string, { planner, publisher, drops }: Parts): Promise<Drop> {
  const dossier = { ...NOTHING_FOUND, kind: 'data', format: 'raw', sizeBytes: 3, contentBytes: 3 } as const;
  const taken = journal.drops.taken({
    name,
    sha256: bytes,
    sizeBytes: 3,
    seenMs: 1,
    dossier: { ...dossier, container: 'none', chip: null, completeness: 'unknown' },
  });
  journal.drops.placed(taken.id, 'working', name);
  const dropped = { ...taken, folder: 'working' } as const;
  const offers = new Map([[bytes, await publisher.offers(dropped)]]);
  await drops.afterPlanning(dropped, planner.planDrop(dropped, offers));
  publisher.wake();
  return dropped;
}

const standing = ({ host }: Parts, place = 'here'): readonly Publication[] => host.at(place);
const jobs = () => journal.jobs.list({ limit: 10 });
const published = (made: Parts, name: string) =>
  expect.poll(() => standing(made).map(({ terms }) => terms['name'])).toEqual([name]);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dropflash-pull-'));
  journal = Journal.open(join(folder, 'journal.sqlite'));
  rules = [RULE];
  trouble = null;
  calls = [];
  results = [];
  log = new RecordingLogger();
  fetched = [];
});

afterEach(() => {
  journal.close();
  rmSync(folder, { recursive: true });
});

describe('a rule that publishes', () => {
  it('puts the image at its place, numbers it, and ends the file there', async () => {
    const made = parts();
    made.publisher.start();
    await drop('TEST001', 'aa', made);
    await published(made, 'TEST001');
    expect(standing(made)[0]).toMatchObject({ rule: 'motes', place: 'here', image: 'aa', number: 1 });
    await expect.poll(() => results.map(({ outcome }) => outcome)).toEqual(['done']);
    expect(results[0]?.summary).toContain('number 1');
    expect(jobs()).toEqual([]);
    await made.publisher.stop();
  });

  it('gives each publication of a name a new number, and rejects the file when there is none left', async () => {
    const made = parts();
    made.publisher.start();
    for (const [bytes, count] of [
      ['aa', 1],
      ['bb', 2],
    ] as const) {
      await drop('TEST001', bytes, made);
      await expect.poll(() => standing(made).map(({ number }) => number)).toEqual([count]);
    }
    await drop('TEST001', 'cc', made);
    expect(results.at(-1)).toMatchObject({ outcome: 'rejected', error: { code: 'PUBLISH_NUMBERS_USED' } });
    expect(standing(made).map(({ image }) => image)).toEqual(['bb']);
    await made.publisher.stop();
  });

  it('gives no number above the last, also where several rules publish the same file', async () => {
    const at = (place: string): Rule => ({ ...RULE, name: place, update: { ...RULE.update, options: { place } } });
    rules = [at('here'), at('there'), at('elsewhere')];
    const made = parts();
    made.publisher.start();
    await drop('TEST001', 'aa', made);
    await expect.poll(() => results.map(({ outcome }) => outcome)).toEqual(['done']);
    expect(['here', 'there', 'elsewhere'].map((place) => standing(made, place)[0]?.number)).toEqual([1, 2, undefined]);
    await made.publisher.stop();
  });

  it('keeps what stands when an image cannot be published', async () => {
    const made = parts();
    made.publisher.start();
    await drop('TEST001', 'aa', made);
    await published(made, 'TEST001');
    await drop('bad', 'bb', made);
    expect(results.at(-1)).toMatchObject({ outcome: 'rejected', error: { code: 'IMAGE_MALFORMED' } });
    await published(made, 'TEST001');
    await made.publisher.stop();
  });

  it('says in the result what a careful person would look at, also after a restart', async () => {
    await drop('odd', 'aa', parts());
    expect(results).toEqual([]);
    const made = parts();
    made.publisher.start();
    await expect.poll(() => results).toMatchObject([{ outcome: 'done', warnings: ['it looks odd'] }]);
    expect(results[0]?.summary).toContain('Look at it: it looks odd.');
    await made.publisher.stop();
  });

  it('shows nothing while the rule is away, and the same again when it is back', async () => {
    const made = parts();
    made.publisher.start();
    await drop('TEST001', 'aa', made);
    await published(made, 'TEST001');
    rules = [];
    made.publisher.wake();
    expect(standing(made)).toEqual([]);
    rules = [RULE];
    expect(standing(made)).toHaveLength(1);
    await made.publisher.stop();
  });

  it('tries again what could not be carried, and takes away what was withdrawn', async () => {
    rules = [{ ...RULE, update: { ...RULE.update, options: { place: 'far away' } } }];
    trouble = new FlashError('LINK_REFUSED', 'nobody is there');
    const made = parts();
    made.publisher.start();
    await drop('TEST001', 'aa', made);
    await expect.poll(() => journal.publications.newest(1)[0]?.error?.code).toBe('LINK_REFUSED');
    expect(results).toEqual([]);
    made.publisher.wake();
    await expect.poll(() => journal.publications.newest(1)[0]).toMatchObject({ state: 'published', error: null });
    const [release] = journal.releases.newest(1);
    journal.releases.end(release?.id ?? '', 'withdrawn');
    made.publisher.wake();
    await expect.poll(() => journal.publications.newest(1)[0]?.state).toBe('withdrawn');
    expect(calls).toEqual(['publish TEST001', 'publish TEST001', 'withdraw TEST001']);
    await made.publisher.stop();
  });
});

describe('a device that fetches by itself', () => {
  async function standingOne(made: Parts): Promise<Publication> {
    made.publisher.start();
    await drop('TEST001', 'aa', made);
    await published(made, 'TEST001');
    const [publication] = standing(made);
    if (publication === undefined) throw new Error('nothing stands there');
    return publication;
  }

  it('is recorded when it looks, sent when it has fetched all, accepted when a later visit shows it', async () => {
    const made = parts();
    const publication = await standingOne(made);
    made.host.looked(publication, VISITOR);
    expect(jobs()).toMatchObject([{ device: 'ota@10.0.7.31', state: 'queued', proof: null }]);
    const fetch = made.host.fetch(publication, VISITOR);
    expect(jobs()).toMatchObject([{ state: 'running' }]);
    expect(made.deliveries.fetching()).toMatchObject([{ device: 'ota@10.0.7.31' }]);
    fetch.progress(2);
    expect(fetched).toEqual([{ job: jobs()[0]?.id, sentBytes: 2, totalBytes: 3 }]);
    fetch.whole();
    expect(made.deliveries.fetching()).toEqual([]);
    expect(jobs()).toMatchObject([{ state: 'confirming', proof: 'sent' }]);
    made.host.confirmed(publication, VISITOR, 'it asked and did not fetch');
    expect(jobs()).toMatchObject([{ state: 'succeeded', proof: 'accepted' }]);
    expect(journal.visitors.at('shelf', 'here')).toMatchObject([{ ...VISITOR, looks: 1 }]);
    const what = { release: publication.release, rule: 'motes', place: 'here', image: 'aa', number: 1 };
    const told = { ...what, device: 'ota@10.0.7.31', job: jobs()[0]?.id };
    expect(log.of('publication.fetched')).toMatchObject([told]);
    expect(log.of('publication.accepted')).toMatchObject([{ ...told, evidence: 'it asked and did not fetch' }]);
    await made.publisher.stop();
  });

  it('is not accepted for a visit before it fetched, nor for a transfer that broke off', async () => {
    const made = parts();
    const publication = await standingOne(made);
    made.host.looked(publication, VISITOR);
    made.host.confirmed(publication, VISITOR, 'too early');
    made.host.fetch(publication, VISITOR).broken(1, new FlashError('LINK_CLOSED', 'it hung up'));
    made.host.confirmed(publication, VISITOR, 'still too early');
    expect(jobs()).toMatchObject([{ state: 'queued', proof: null, attempts: 1, error: { code: 'LINK_CLOSED' } }]);
    expect(journal.attempts.ofJob(jobs()[0]?.id ?? '')).toMatchObject([{ sentBytes: 1, proof: null }]);
    await made.publisher.stop();
  });

  it('keeps the proof of a whole copy when a second transfer from its address breaks off', async () => {
    const made = parts();
    const publication = await standingOne(made);
    const [first, second] = [made.host.fetch(publication, VISITOR), made.host.fetch(publication, VISITOR)];
    first.whole();
    second.broken(0, new FlashError('LINK_CLOSED', 'it hung up'));
    expect(jobs()).toMatchObject([{ state: 'confirming', proof: 'sent' }]);
    await made.publisher.stop();
  });

  it('is waited for no longer when a newer image takes the place, also in the middle of a transfer', async () => {
    const made = parts();
    const publication = await standingOne(made);
    const fetch = made.host.fetch(publication, VISITOR);
    await drop('TEST001', 'bb', made);
    await expect.poll(() => standing(made).map(({ image }) => image)).toEqual(['bb']);
    fetch.whole();
    expect(jobs()).toMatchObject([{ state: 'superseded', proof: 'sent' }]);
    expect(journal.publications.get(publication.release)?.state).toBe('replaced');
    await made.publisher.stop();
  });

  it('survives a restart: an open transfer counts for nothing, what was seen before stays', async () => {
    const made = parts();
    const publication = await standingOne(made);
    made.host.fetch(publication, VISITOR).whole();
    made.host.fetch(publication, { ...VISITOR, address: '10.0.7.32' });
    await made.publisher.stop();
    const again = parts();
    again.publisher.start();
    expect(standing(again)).toMatchObject([{ image: 'aa', number: 1 }]);
    const states = jobs().map(({ device, state, proof }) => `${device} ${state} ${proof}`);
    expect(states.sort()).toEqual(['ota@10.0.7.31 confirming sent', 'ota@10.0.7.32 queued null']);
    await again.publisher.stop();
  });
});

describe('a device that fetches by itself, for people', () => {
  const only = <T>([value]: readonly T[]): T => {
    if (value === undefined) throw new Error('there is none');
    return value;
  };

  /** What "dropflash explain" says of the one visitor, release by release. */
  function explained({ publisher }: Parts) {
    const stands = (publication: Publication) => publisher.stands(publication);
    return explainVisitor(only(visitorDevices(journal)), { journal, stands }).releases;
  }

  it('is a device under its user and address, with the places it came to and what it has fetched', async () => {
    rules = [RULE, { ...RULE, name: 'others', update: { ...RULE.update, options: { place: 'there' } } }];
    const made = parts();
    made.publisher.start();
    await drop('TEST001', 'aa', made);
    await expect.poll(() => standing(made, 'there')).toHaveLength(1);
    made.host.looked(only(standing(made)), VISITOR);
    const device = only(visitorDevices(journal));
    expect(device).toMatchObject({ id: 'ota@10.0.7.31', address: '10.0.7.31', protocol: 'shelf', presence: 'unknown' });
    expect(device.visits).toMatchObject([{ protocol: 'shelf', place: 'here', looks: 1 }]);
    expect(findDevice(visitorDevices(journal), '10.0.7.31')).toEqual(device);
    expect(heldBy(device, journal)).toBeNull();
    made.host.fetch(only(standing(made)), VISITOR).whole();
    made.host.looked(only(standing(made, 'there')), VISITOR);
    expect(visitorDevices(journal).map(({ visits }) => visits?.length)).toEqual([2]);
    expect(heldBy(device, journal)).toMatchObject({ image: 'aa', name: 'TEST001', proof: 'sent' });
    await made.publisher.stop();
  });

  it('is noted where it finds nothing, and that it did not when it does', async () => {
    const made = parts();
    made.publisher.start();
    made.host.foundNothing('here', VISITOR);
    const [empty] = only(visitorDevices(journal)).visits ?? [];
    expect(empty).toMatchObject({ protocol: 'shelf', place: 'here', looks: 1, foundNothingMs: empty?.lastMs });
    expect(journal.jobs.list({ limit: 10 })).toEqual([]);
    await drop('TEST001', 'aa', made);
    await published(made, 'TEST001');
    made.host.looked(only(standing(made)), VISITOR);
    expect(only(visitorDevices(journal)).visits).toMatchObject([{ looks: 2, foundNothingMs: empty?.lastMs }]);
    await made.publisher.stop();
  });

  it('is forgotten where it never found anything and a thousand others did not since', () => {
    const addressOf = (index: number) => ({ user: 'ota', address: `10.1.${index >> 8}.${index & 255}` });
    journal.transaction(() => {
      journal.visitors.note('shelf', 'here', VISITOR, 1);
      for (let index = 0; index < MOST_WITHOUT_A_FIND + 5; index += 1)
        journal.visitors.noteEmpty('shelf', 'here', addressOf(index), 2 + index);
    });
    const left = journal.visitors.all().map(({ address }) => address);
    expect(left).toHaveLength(MOST_WITHOUT_A_FIND + 1);
    expect(left).toContain(VISITOR.address);
    expect(left).not.toContain(addressOf(4).address);
    expect(left).toContain(addressOf(5).address);
  });

  it('is told what comes next at each stage', async () => {
    const made = parts();
    made.publisher.start();
    await drop('TEST001', 'aa', made);
    await published(made, 'TEST001');
    const first = only(standing(made));
    made.host.looked(first, VISITOR);
    expect(explained(made)).toMatchObject([
      { rule: 'motes', whyNotNow: 'it has looked and not fetched the image yet' },
    ]);
    const fetch = made.host.fetch(first, VISITOR);
    expect(explained(made)).toMatchObject([{ next: 'it is fetching it now', whyNotNow: null }]);
    fetch.broken(1, new FlashError('LINK_CLOSED', 'it hung up'));
    expect(only(explained(made)).whyNotNow).toContain('LINK_CLOSED');
    made.host.fetch(first, VISITOR).whole();
    expect(explained(made)).toMatchObject([{ next: 'a later visit shows whether it took the image' }]);
    made.host.confirmed(first, VISITOR, 'seen');
    expect(explained(made)).toMatchObject([{ next: 'nothing: this release is done here', job: { proof: 'accepted' } }]);
    await drop('TEST001', 'bb', made);
    await expect.poll(() => standing(made).map(({ image }) => image)).toEqual(['bb']);
    const why = 'it has not come since the image stands there';
    expect(explained(made)).toMatchObject([{ image: 'bb', job: null, whyNotNow: why }]);
    rules = [];
    expect(only(explained(made)).whyNotNow).toContain('rule "motes" does not publish at here now');
    await made.publisher.stop();
  });

  it('hears of releases that are not for it why they are not', async () => {
    rules = [RULE, { ...RULE, name: 'others', update: { ...RULE.update, options: { place: 'there' } } }];
    const made = parts();
    made.publisher.start();
    await drop('TEST001', 'aa', made);
    await published(made, 'TEST001');
    made.host.looked(only(standing(made)), VISITOR);
    const other = explained(made).find(({ releaseRule }) => releaseRule === 'others');
    expect(other).toMatchObject({ rule: null, job: null, whyNotNow: null });
    expect(other?.next).toBe('nothing: it is offered at there, where this device has never come');
    await made.publisher.stop();
  });
});

describe('visits that are odd', () => {
  const attempt = (number: number, startedMs: number, endedMs: number, proof: 'sent' | null = 'sent') => ({
    number,
    startedMs,
    endedMs,
    proof,
    step: 'write' as const,
    sentBytes: 3,
    error: null,
  });

  it.each([
    ['a fetch', null, [attempt(1, 1, 2)]],
    ['a second one after one that broke off', 'sent', [attempt(1, 1, 2, null), attempt(2, 3, 4)]],
    ['a new try beside one that hangs', 'sent', [attempt(1, 1, 9, null), attempt(2, 3, 4)]],
    ['a fetch that showed that it has it', 'accepted', [attempt(1, 1, 2)]],
  ] as const)('are not: %s', (_what, proof, attempts) =>
    expect(oddVisits({ proof, updatedMs: 5 }, attempts)).toBeNull(),
  );

  it.each([
    ['twice at the same time', 'sent', [attempt(1, 1, 4), attempt(2, 2, 5)]],
    ['whole image 2 times', 'sent', [attempt(1, 1, 2), attempt(2, 3, 4)]],
    ['again after it had shown', 'accepted', [attempt(1, 1, 2), attempt(2, 6, 7, null)]],
  ] as const)('are: %s', (what, proof, attempts) =>
    expect(oddVisits({ proof, updatedMs: 5 }, attempts)).toContain(what),
  );
});
