import type { Clock, Timer } from '../clock.ts';
import { DatagramGuard } from './datagram-guard.ts';
import {
  type DnsQuestion,
  type DnsRecord,
  type DnsResponse,
  foldName,
  readQuery,
  readResponse,
} from './dns-message.ts';
import type { LocalInterface } from './interfaces.ts';
import { type MdnsLink, openMdnsLink } from './mdns-link.ts';
import { linkScope } from './on-link.ts';
import { claimedNames, isProbeOf } from './probe.ts';
import { RecentProbes } from './recent-probes.ts';
import { type CacheOutcome, type InstanceView, RecordCache } from './record-cache.ts';
import { serviceDomain } from './service-instance.ts';
import { Solicitation } from './solicitation.ts';
import type { LossReason, SightingListener } from './source.ts';

/** Browsing (RFC 6762, section 5.2): the first question after 20–120 ms, then 1, 2, 4, … seconds, at most an hour apart. */
const FIRST_BROWSE_MS = { least: 20, spread: 100 } as const;
const BROWSE_INTERVAL_MS = { first: 1000, longest: 3_600_000 } as const;
/** Questions that arise within this time share a packet. */
const GATHER_MS = 20;
/** The same question is not put twice within a second (RFC 6762, section 5.2), timers being what they are. */
const SAME_QUESTION_MS = 900;
/** Keeps a packet of questions within one Ethernet frame: the longest name has 255 bytes, a usual one 40. */
const QUESTION_BYTES_PER_PACKET = 1200;
const SHORTEST_TICK_MS = 250;
const REOPEN_MS = { first: 1000, longest: 60_000 } as const;

/** One interface of this machine, and who is told what is seen on it. */
export interface MdnsInterfaceOptions {
  readonly local: LocalInterface;
  readonly services: readonly string[];
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly listener: SightingListener;
  /** Something was not taken; counted, for the log. */
  readonly onIgnored: (reason: string, count: number) => void;
  /** A link failed; it is opened again after a pause. */
  readonly onTrouble: (error: Error) => void;
  readonly onWorking: () => void;
}

/** mDNS on one network interface: its links, its cache, its questions. */
export class MdnsInterface {
  readonly #options: MdnsInterfaceOptions;
  readonly #cache: RecordCache;
  readonly #solicitation = new Solicitation();
  readonly #unclaimedProbes = new RecentProbes();
  readonly #guard: DatagramGuard;
  readonly #ownAddresses: ReadonlySet<string>;
  readonly #links = new Map<'ipv4' | 'ipv6', MdnsLink>();
  readonly #timers = new Map<string, Timer>();
  readonly #pending = new Map<string, DnsQuestion>();
  readonly #lastAsked = new Map<string, number>();
  #isClosed = false;

  constructor(options: MdnsInterfaceOptions) {
    this.#options = options;
    const scope = linkScope(options.local);
    this.#guard = new DatagramGuard(scope.isOnLink);
    this.#ownAddresses = new Set(options.local.ranges.map(({ address }) => address));
    const { services, random } = options;
    this.#cache = new RecordCache({ services, random, isPlausible: scope.isPlausible });
  }

  open(): void {
    for (const family of this.#options.local.families) this.#openLink(family, REOPEN_MS.first);
  }

  /** Leaves the groups and, unless this host itself stops, reports all that was known as lost. */
  async close(reason: LossReason | null): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    const lost = reason ? this.#cache.clear(reason) : [];
    this.#report({ heard: [], lost, questions: [], ignored: [] });
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    this.#links.clear();
  }

  probe(service: string, instance: string): void {
    this.#ask(this.#cache.probeQuestions(service, instance));
  }

  reconfirm(service: string, instance: string): void {
    this.#cache.reconfirm(service, instance, this.#now());
    this.#tick();
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #openLink(family: 'ipv4' | 'ipv6', reopenMs: number): void {
    const { local, clock } = this.#options;
    const fail = (error: Error) => {
      // Bind errors are reported twice; a link that was replaced may still complain.
      if (this.#isClosed || this.#links.get(family) !== link) return;
      this.#links.delete(family);
      void link.close();
      this.#options.onTrouble(error);
      this.#setTimer(`open ${family}`, reopenMs, () =>
        this.#openLink(family, Math.min(reopenMs * 2, REOPEN_MS.longest)),
      );
    };
    const link = openMdnsLink({
      local,
      family,
      guard: this.#guard,
      monotonic: () => clock.monotonic(),
      handlers: {
        onReady: () => {
          if (this.#links.get(family) !== link) return;
          this.#options.onWorking();
          this.#browseAnew();
        },
        onQuery: (packet, source) => this.#onQuery(packet, source),
        onResponse: (packet, source) => this.#onResponse(packet, source),
        onRefused: (reason) => this.#options.onIgnored(reason, 1),
        onError: fail,
      },
    });
    this.#links.set(family, link);
  }

  #browseAnew(): void {
    const { least, spread } = FIRST_BROWSE_MS;
    this.#setTimer('browse', least + this.#options.random() * spread, () => this.#browse(BROWSE_INTERVAL_MS.first));
  }

  #browse(intervalMs: number): void {
    this.#ask(this.#options.services.map((service) => ({ type: 'PTR', name: serviceDomain(service) })));
    this.#setTimer('browse', intervalMs, () => this.#browse(Math.min(intervalMs * 2, BROWSE_INTERVAL_MS.longest)));
  }

  #ask(questions: readonly DnsQuestion[]): void {
    for (const question of questions) this.#pending.set(`${question.type} ${question.name}`, question);
    if (this.#pending.size > 0 && !this.#timers.has('ask')) this.#setTimer('ask', GATHER_MS, () => this.#sendPending());
  }

  #sendPending(): void {
    const nowMs = this.#now();
    for (const [key, atMs] of this.#lastAsked) if (nowMs - atMs >= SAME_QUESTION_MS) this.#lastAsked.delete(key);
    const fresh = [...this.#pending].filter(([key]) => !this.#lastAsked.has(key));
    this.#pending.clear();
    for (const [key, question] of fresh) {
      this.#lastAsked.set(key, nowMs);
      this.#solicitation.ask(question, nowMs);
    }
    for (const questions of inPackets(fresh.map(([, question]) => question))) {
      for (const link of this.#links.values()) {
        link.query(questions, (error) => {
          if (error && !this.#isClosed) this.#options.onTrouble(error);
        });
      }
    }
  }

  #onQuery(packet: unknown, source: string): void {
    const { questions, isProbe, claims } = readQuery(packet);
    if (this.#isClosed) return;
    if (isProbe) {
      this.#onProbe(claims, source);
      return;
    }
    const isOwn = this.#ownAddresses.has(source);
    for (const question of questions) {
      const askedMs = this.#lastAsked.get(`${question.type} ${question.name}`);
      // Our own question, looped back, was noted when it was sent.
      if (isOwn && askedMs !== undefined && this.#now() - askedMs < SAME_QUESTION_MS) continue;
      this.#solicitation.ask(question, this.#now());
    }
  }

  #onProbe(claims: readonly DnsRecord[], source: string): void {
    const { listener, local, clock } = this.#options;
    const at = { localInterface: local.address, atMs: clock.now() };
    // Not all that there are: a thousand devices that start at once send three thousand probes.
    const named = this.#cache.viewsNamed(claimedNames(claims), this.#now());
    const known = named.filter((view) => isProbeOf(view, claims, source));
    for (const { service, instance } of known) listener.probed({ service, instance, ...at });
    if (known.length === 0) this.#unclaimedProbes.remember(claims, source, at.atMs);
  }

  #onResponse(packet: unknown, source: string): void {
    if (this.#isClosed) return;
    const response = readResponse(packet);
    if (response.unfitCount > 0) this.#options.onIgnored('unfit', response.unfitCount);
    const nowMs = this.#now();
    this.#report(this.#cache.observe(response, source, nowMs), (view) => this.#isAnnounced(view, response, nowMs));
  }

  #report(outcome: CacheOutcome, isAnnouncement: (view: InstanceView) => boolean = () => false): void {
    const { listener, local, clock, onIgnored } = this.#options;
    const at = { localInterface: local.address, atMs: clock.now() };
    for (const reason of outcome.ignored) onIgnored(reason, 1);
    for (const view of outcome.heard) {
      const probedMs = this.#unclaimedProbes.takeOf(view, at.atMs);
      listener.sighted({ via: 'mdns', ...view, ...at, isAnnouncement: isAnnouncement(view), probedMs });
    }
    for (const loss of outcome.lost) listener.lost({ ...loss, ...at });
    if (this.#isClosed) return;
    this.#ask(outcome.questions);
    this.#armTick();
  }

  /** Does the response offer the instance unasked: its PTR or SRV in the answer section, and no question that explains it? */
  #isAnnounced(view: InstanceView, response: DnsResponse, nowMs: number): boolean {
    const domain = serviceDomain(view.service);
    const fqdn = foldName(`${view.instance}.${domain}`);
    const host = foldName(view.host);
    const own = (record: DnsResponse['answers'][number]): boolean =>
      record.type === 'PTR' ? foldName(record.target) === fqdn : [fqdn, host].includes(foldName(record.name));
    const offered = response.answers.filter(own);
    const isExplained = this.#solicitation.explains(fqdn, offered, response.additionals.filter(own), nowMs);
    return !isExplained && offered.some(({ type, ttl }) => ttl > 0 && (type === 'PTR' || type === 'SRV'));
  }

  #tick(): void {
    this.#report(this.#cache.tick(this.#now()));
  }

  #armTick(): void {
    this.#timers.get('tick')?.cancel();
    this.#timers.delete('tick');
    const dueMs = this.#cache.nextDueMs;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#setTimer('tick', Math.max(SHORTEST_TICK_MS, dueMs - this.#now()), () => this.#tick());
  }

  /** One timer a purpose; setting it again replaces it. */
  #setTimer(purpose: string, delayMs: number, callback: () => void): void {
    this.#timers.get(purpose)?.cancel();
    const timer = this.#options.clock.setTimer(delayMs, () => {
      this.#timers.delete(purpose);
      callback();
    });
    this.#timers.set(purpose, timer);
  }
}

function inPackets(questions: readonly DnsQuestion[]): DnsQuestion[][] {
  const packets: DnsQuestion[][] = [];
  let roomBytes = 0;
  for (const question of questions) {
    const sizeBytes = Buffer.byteLength(question.name) + 6;
    if (sizeBytes > roomBytes) {
      packets.push([]);
      roomBytes = QUESTION_BYTES_PER_PACKET;
    }
    packets.at(-1)?.push(question);
    roomBytes -= sizeBytes;
  }
  return packets;
}
