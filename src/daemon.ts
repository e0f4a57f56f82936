import { join } from 'node:path';
import { AuditLog } from './audit/audit-log.ts';
import { type Clock, sleep } from './clock.ts';
import type { Config } from './config/config.ts';
import { parseReleaseFile } from './config/release-file.ts';
import { restartNeeds } from './config/restart-needs.ts';
import { type ActionParts, controlActions } from './control/actions.ts';
import { EventFeed } from './control/event-feed.ts';
import { controlServer } from './control/server.ts';
import { socketPath } from './control/socket-path.ts';
import { Transfers } from './control/transfers.ts';
import { Discovery, type DiscoveryOptions } from './discovery/discovery.ts';
import type { RegistryEvent } from './discovery/registry-event.ts';
import { systemPorts } from './discovery/serial-ports/port-source.ts';
import { ImageStore } from './firmware/store.ts';
import { Hooks } from './hooks/hooks.ts';
import { BackupShelf } from './jobs/backup/shelf.ts';
import { DeviceMemory } from './jobs/device-memory.ts';
import { DropResults } from './jobs/drop-results.ts';
import { JobEngine, LONGEST_REST_MS } from './jobs/engine.ts';
import { imageLoader } from './jobs/image-cache.ts';
import { JobBook } from './jobs/job-book.ts';
import type { JobRecord } from './jobs/journal/jobs.ts';
import { Journal } from './jobs/journal/journal.ts';
import { chipBench } from './jobs/line/chip-bench.ts';
import { isPlug } from './jobs/line/plug.ts';
import { type LineParts, ProductionLine } from './jobs/line/production-line.ts';
import { mdnsAnswer, mdnsRestart, mdnsReturn } from './jobs/mdns-return.ts';
import { Planner } from './jobs/planner.ts';
import { Deliveries } from './jobs/pull/deliveries.ts';
import { Publisher } from './jobs/pull/publisher.ts';
import { Retention } from './jobs/retention.ts';
import { answerChecks, returnChecks } from './jobs/return-checks.ts';
import { RolloutBook } from './jobs/rollout-book.ts';
import { deviceName, idsOf, openRuleBook, planContext } from './jobs/rule-book.ts';
import { ruleRevision } from './jobs/rule-revision.ts';
import { Undo } from './jobs/undo.ts';
import { askVersion } from './jobs/version-check.ts';
import { VersionInquiry } from './jobs/version-inquiry.ts';
import { Windows } from './jobs/windows.ts';
import { type Logger, tapped } from './log.ts';
import type { Device } from './model/device.ts';
import type { Publication } from './model/publication.ts';
import type { Rule } from './model/rule.ts';
import { PROTOCOLS, PULL_PROTOCOLS } from './protocols/registry.ts';
import { acquireInstanceLock, type InstanceLock } from './service/instance-lock.ts';
import type { Part } from './service/lifecycle.ts';
import { listSystemPorts } from './transports/list-ports.ts';
import { createNodeLinks } from './transports/node-links.ts';
import { DropFolder } from './watcher/drop-folder.ts';

/** What the process gives the daemon: nothing of it is global, so that the demo and the tests run several. */
export interface DaemonOptions {
  readonly config: Config;
  readonly pid: number;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly log: Logger;
  readonly onProgress?: (job: JobRecord, sentBytes: number, totalBytes: number) => void;
  readonly onUnitProgress?: LineParts['onProgress'];
  /** How USB ports are found; the system's own way where it is left out. */
  readonly usbPorts?: Exclude<DiscoveryOptions['usb'], false>;
  /** What commands to the running daemon need of its surroundings; without it there are none, whatever the config says. */
  readonly control?: Pick<ActionParts, 'reload' | 'version'>;
}

/** The daemon's parts, connected; `service/` starts and stops them. */
export interface Daemon {
  /** In the order of their start. */
  readonly parts: readonly Part[];
  /** Aborted, with the error as reason, when the daemon must not go on. */
  readonly fatal: AbortSignal;
  /** Takes over what may change while it runs: rules, devices, limits. Says what takes a restart. */
  reload(config: Config): readonly string[];
  /** One line for people: what is known and under way. */
  describe(): string;
  /** False when the job loop has stopped turning: the watchdog should end the process. */
  isTurning(): boolean;
}

/** Devices answer a first question within half a second; those that were busy get another second. */
const FIRST_ROUND_MS = 1_500;

/**
 * Builds the daemon. Takes the instance lock and opens journal and store, which the parts then own. Throws SERVICE_ALREADY_RUNNING,
 * SERVICE_DATA_FOLDER, JOURNAL_UNUSABLE, JOURNAL_TOO_NEW.
 */
export function createDaemon(options: DaemonOptions): Daemon {
  const { clock, random, config: atStart } = options;
  let config = atStart;
  const feed = new EventFeed(clock);
  const log = tapped(options.log, (level, event, fields) => feed.publish(level, event, fields));
  const fatal = new AbortController();
  const onFatal = (error: unknown): void => fatal.abort(error);

  const lock = acquireInstanceLock(config.dataPath, options.pid);
  const journal = openJournal(config.dataPath, lock);
  const store = new ImageStore(join(config.dataPath, 'firmware'));

  const { mdns } = config.discovery;
  const usb = config.discovery.usb && (options.usbPorts ?? systemPorts(process.platform, listSystemPorts));
  const discovery = new Discovery({ mdns, usb, clock, log });
  const { registry } = discovery;
  registry.restore(journal.devices.all());
  registry.setFixed(config.devices);
  const memory = new DeviceMemory(journal, clock, onFatal);
  for (const device of registry.list()) memory.note(device);

  const context = planContext(journal, PROTOCOLS);
  let rules = openRuleBook(config.rules, context);
  const book = new JobBook(journal, clock);
  const shared = { journal, book, devices: registry, clock, log, rules: () => rules };
  const results = new DropResults({
    ...shared,
    finish: (drop, to, result) => folder.finish(drop, to, result),
  });
  const windows = new Windows(shared);
  const transfers = new Transfers(clock);
  const links = createNodeLinks(clock, log);
  const loadImage = imageLoader(journal, (sha256) => store.read(sha256));
  const tellProgress = (job: JobRecord, bytes: number, totalBytes: number): void => {
    if (!transfers.note(job.id, bytes, totalBytes)) return;
    const device = deviceName(registry, job.device);
    feed.publish('info', 'job.progress', { job: job.id, device, rule: job.rule, bytes, totalBytes });
  };
  const deliveries = new Deliveries({ ...shared, onFetch: tellProgress });
  const publisher = new Publisher({
    ...shared,
    deliveries,
    protocols: PULL_PROTOCOLS,
    loadImage,
    onSettled: ({ release }) => engine.publicationSettled(release),
    random,
    onFatal,
  });
  const engine = new JobEngine({
    ...shared,
    planner: new Planner({ ...shared, onReleaseEnd: (release, why) => deliveries.release(release, why) }),
    deliveries,
    publisher,
    results,
    rollouts: new RolloutBook(shared),
    undo: new Undo(shared),
    inquiry: new VersionInquiry({ ...shared, askVersion }),
    protocols: PROTOCOLS,
    limits: () => config.limits,
    windows,
    links,
    loadImage,
    isPortTaken: (deviceId) => line.isRunningOn(deviceId),
    onPortFree: () => line.wake(),
    reconfirm: (device) => registry.reconfirm(device.id),
    onAppearance: ({ id }, listener) =>
      registry.subscribe((event) => {
        const hasAppeared = event.kind === 'seen' || event.kind === 'announced';
        if (hasAppeared && idsOf(event.device).includes(id)) listener();
      }),
    awaitReturn: returnChecks(mdnsReturn(registry, clock), clock, log),
    soakEyes: { restartOf: mdnsRestart(registry), isThere: answerChecks(mdnsAnswer(registry, clock), log) },
    askVersion,
    random,
    onProgress: (job, bytes, totalBytes) => {
      options.onProgress?.(job, bytes, totalBytes);
      tellProgress(job, bytes, totalBytes);
    },
    onFatal,
  });
  const line = new ProductionLine({
    ...shared,
    bench: chipBench({ links, clock, log }),
    backups: new BackupShelf(join(config.dataPath, 'backups'), clock),
    loadImage,
    onProgress: (unit, step, bytes, totalBytes) => {
      options.onUnitProgress?.(unit, step, bytes, totalBytes);
      if (!transfers.note(unit.id, bytes, totalBytes)) return;
      const device = deviceName(registry, unit.slot);
      feed.publish('info', 'unit.progress', { unit: unit.id, device, port: unit.port, step, bytes, totalBytes });
    },
    isPortTaken: (deviceId) => book.in('running').some(({ device }) => device === deviceId),
    onPortFree: () => engine.wake(),
    onFatal,
  });
  const folder = new DropFolder({
    settings: { ...config.drop, watch: 'events' },
    clock,
    log,
    ledger: journal.drops,
    trust: config.trust,
    parseRelease: (text, file) =>
      parseReleaseFile(
        text,
        file,
        config.rules.map(({ name }) => name),
      ),
    store,
    onDrop: async (drop) => {
      await engine.takeDrop(drop);
      line.wake();
    },
  });

  registry.subscribe((event) => {
    remember(event, memory);
    if (event.kind === 'seen' || event.kind === 'announced' || event.kind === 'merged') engine.deviceSeen(event.device);
    if (event.kind === 'seen' && isPlug(event.device)) line.attached(event.device);
    if (event.kind === 'lost') line.detached(event.device.id);
  });

  const audit = new AuditLog({
    folder: config.dataPath,
    journal,
    enrich: (fields) => withDevice(fields, registry.get(String(fields['device']))),
    clock,
    log,
  });
  const noteRules = () => journal.audit.add('rules.in-force', clock.now(), { rules: config.rules.map(revisionOf) });
  noteRules();

  const retention = new Retention({ ...shared, store, keep: () => config.keep });
  const hooks = new Hooks({ hooks: () => config.hooks, subscribe: (listener) => feed.subscribe(listener), clock, log });

  const parts: Part[] = [
    {
      name: 'data',
      start: () => store.open(),
      async stop() {
        memory.flush();
        journal.close();
        lock.release();
      },
    },
    audit.part(),
    hooks.part(),
    discoveryPart(discovery, mdns === false ? 0 : FIRST_ROUND_MS, clock),
    { name: 'jobs', start: async () => engine.start(), stop: () => engine.stop() },
    ...[...PULL_PROTOCOLS.values()].flatMap(
      (protocol) => protocol.server(config.servers, publisher.hostFor(protocol), { clock, log }) ?? [],
    ),
    { name: 'line', start: async () => line.start(), stop: () => line.stop() },
    retention.part(),
    { name: 'drop-folder', start: (signal) => folder.start(signal), stop: () => folder.stop() },
  ];

  if (options.control !== undefined && config.control !== false) {
    const stands = (publication: Publication) => publisher.stands(publication);
    const fetching = () => deliveries.fetching();
    const given = { ...shared, ...options.control, engine, windows, transfers, stands, fetching };
    const actions = controlActions({ ...given, pid: options.pid });
    const socket = socketPath(config.control, config.dataPath, process.platform);
    parts.push(controlServer({ socket, actions, feed, clock, log }));
  }

  return {
    parts,
    fatal: fatal.signal,
    reload(next) {
      // Against what the parts were built with: what waits for a restart waits until there is one.
      const needRestart = restartNeeds(atStart, next);
      config = next;
      rules = openRuleBook(next.rules, context);
      noteRules();
      registry.setFixed(next.devices);
      for (const device of registry.list()) engine.deviceSeen(device);
      engine.wake();
      publisher.wake();
      line.wake();
      return needRestart;
    },
    describe() {
      const { queued, running, confirming } = engine.counts;
      const boards = line.runningCount === 0 ? '' : `, ${line.runningCount} boards on the line`;
      return `${registry.list().length} devices known, ${queued} jobs queued, ${running} running, ${confirming} awaiting a return${boards}`;
    },
    isTurning: () => engine.idleMs < 2 * LONGEST_REST_MS,
  };
}

function openJournal(dataPath: string, lock: InstanceLock): Journal {
  try {
    return Journal.open(Journal.pathIn(dataPath));
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** A rule by its revision, and what that says: secrets show where they come from, never themselves. */
function revisionOf(rule: Rule): { readonly name: string; readonly revision: string; readonly rule: Rule } {
  return { name: rule.name, revision: ruleRevision(rule), rule };
}

/** The audit log names a device as people know it, and where it was. */
function withDevice(
  fields: Readonly<Record<string, unknown>>,
  device: Device | null,
): Readonly<Record<string, unknown>> {
  return device === null ? fields : { ...fields, deviceName: device.name, address: device.address };
}

/** Ready after the first round of questions, so that a file found at the start meets the devices that are there. */
function discoveryPart(discovery: Discovery, firstRoundMs: number, clock: Clock): Part {
  return {
    name: 'discovery',
    async start(signal) {
      discovery.start();
      await sleep(clock, firstRoundMs, signal);
    },
    stop: () => discovery.stop(),
  };
}

/** What the journal remembers of the devices. */
function remember(event: RegistryEvent, memory: DeviceMemory): void {
  switch (event.kind) {
    case 'changed':
    case 'seen':
    case 'lost':
      memory.note(event.device);
      break;
    case 'merged':
      memory.forget(event.fromId);
      memory.note(event.device);
      break;
    case 'removed':
      memory.forget(event.device.id);
      break;
    case 'announced':
      break;
  }
}
