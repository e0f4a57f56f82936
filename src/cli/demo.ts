import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type Clock, sleep, systemClock } from '../clock.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblems } from '../config/problem.ts';
import { createDaemon, type Daemon } from '../daemon.ts';
import type { JobRecord } from '../jobs/journal/jobs.ts';
import type { Logger } from '../log.ts';
import type { DropResult, DropResultJob } from '../model/drop.ts';
import type { Unit } from '../model/unit.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { Lifecycle } from '../service/lifecycle.ts';
import type { SimulatedBoard } from '../simulator/chip/board.ts';
import type { Chips } from '../simulator/chip/chips.ts';
import { BRISK } from '../simulator/cores.ts';
import { startFleet } from '../simulator/fleet.ts';
import { sampleImage } from '../simulator/sample-image.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import { configEnvironment } from './config-file.ts';
import { DEMO_SLOTS, demoPorts, endedUnits, startDemoBoards } from './demo-boards.ts';
import { DEMO_FLEET, DEMO_PASSWORD, type DemoDevice, demoConfig } from './demo-fleet.ts';
import { DEMO_MODEM, DemoModem, demoModemConfig, endedUpdate } from './demo-modem.ts';
import { DEMO_MODULE, demoModuleConfig, demoModuleImage, startDemoModule } from './demo-module.ts';
import { DEMO_MOTE, DemoMote, demoMoteConfig, demoProgram, endedVisit } from './demo-mote.ts';
import { type DemoScreen, demoScreen } from './demo-screen.ts';
import type { Io } from './io.ts';
import { paint, printJson, printLines, tableLines } from './output.ts';

/** Ample for a slow machine; a fleet that is not done by then has failed. */
const LONGEST_MS = 90_000;
const IMAGE_BYTES = 200_000;
/** What a Waspmote has room for is less. */
const PROGRAM_BYTES = 40_000;
/** That are dropped. */
const IMAGES = 6;
const STOP_MS = 10_000;
/** Slow enough to be seen. */
const TIMINGS = { ...BRISK, sectorMs: 25, bootMs: 1_500, probeEveryMs: 250 };

interface DemoArgs extends CommonOptions {
  readonly keep?: boolean;
}

/** Adds `dropflash demo`, which runs the whole daemon on simulated devices. */
export function defineDemo(program: Command, run: Run): void {
  const command = program
    .command('demo')
    .summary('a pretend fleet gets an update, on this machine only')
    .description(
      'Starts a dozen simulated devices, a Pycom module, a Waspmote and a module with AT firmware on the loopback interface, two boards on a simulated USB hub and the daemon itself, drops six ' +
        'firmware files into its folder, and prints what became of each device. One of the devices is faulty, on purpose.',
    )
    .option('--keep', 'leave drop folder, journal and results behind to look at');
  withCommonOptions(command, ['dropflash demo', 'dropflash demo --json', 'dropflash demo --keep']).action(
    (options: DemoArgs) => run(options, (io) => demo(options, io)),
  );
}

/** Done when every device ended as it should: the healthy ones updated, the faulty one recognised. */
export async function demo(args: DemoArgs, io: Io): Promise<ExitCode> {
  const folder = await mkdtemp(join(tmpdir(), 'dropflash-demo-'));
  const screen = demoScreen(io, [...DEMO_FLEET, DEMO_MODULE, DEMO_MOTE, DEMO_MODEM, ...DEMO_SLOTS], systemClock);
  const beganMs = systemClock.monotonic();
  try {
    const rows = await play(folder, screen, io);
    screen.finish();
    report(rows, Math.round(systemClock.monotonic() - beganMs), args, io);
    return rows.every(({ isAsExpected }) => isAsExpected) ? EXIT.done : EXIT.failed;
  } finally {
    screen.finish();
    if (args.keep) io.stderr.write(`everything of this demo is in ${folder}\n`);
    else await rm(folder, { recursive: true, force: true });
  }
}

/** What became of one device, by the daemon's word and by its own. */
interface DemoRow {
  readonly device: string;
  readonly core: string;
  readonly state: string;
  readonly proof: string | null;
  readonly attempts: number;
  readonly code: string | null;
  /** How often the device itself installed the image. */
  readonly installs: number;
  readonly isAsExpected: boolean;
}

async function play(folder: string, screen: DemoScreen, io: Io): Promise<DemoRow[]> {
  // A name of its own, so that two demos on one machine do not see one another's devices.
  const service = `demo${randomBytes(4).toString('hex')}`;
  const fleet = await startFleet(DEMO_FLEET, { service, timings: TIMINGS });
  const boards = await startDemoBoards();
  const modules = await startDemoModule();
  const mote = await DemoMote.start();
  const modem = await DemoModem.start(IMAGE_BYTES);
  try {
    const config = demoConfig(service, demoModuleConfig(modules), demoMoteConfig(mote), demoModemConfig(modem));
    const daemon = await openDaemon(folder, config, boards, screen, io);
    const lifecycle = new Lifecycle(daemon.parts, { clock: systemClock, log: screen.log });
    await lifecycle.start(STOP_MS);
    try {
      screen.say(
        `${DEMO_FLEET.length + 3} devices are on the network, ${boards.boards.length} boards on USB; six firmware files are dropped into ${join(folder, 'drop')}`,
      );
      await dropImages(join(folder, 'drop'), modem.image);
      const jobs = await untilFinished(join(folder, 'drop'), daemon, io, systemClock);
      const units = await untilWritten(join(folder, 'data'), boards.boards.length, daemon, io, systemClock);
      const visit = await untilVisited(join(folder, 'data'), daemon, io, systemClock);
      const update = await untilUpdated(join(folder, 'data'), daemon, io, systemClock);
      const verified = { state: 'succeeded', proof: 'verified', code: null } as const;
      const accepted = { state: 'succeeded', proof: 'accepted', code: null } as const;
      const sent = { state: 'succeeded', proof: 'sent', code: null } as const;
      return [
        ...DEMO_FLEET.map((device) => rowOf(device, jobs, fleet.device(device.name))),
        ...modules.devices.map((module) => rowOf({ ...DEMO_MODULE, core: 'FiPy', expected: verified }, jobs, module)),
        rowOf({ ...DEMO_MOTE, core: 'Waspmote 4G', expected: accepted }, [{ ...visit, ...DEMO_MOTE }], mote),
        rowOf({ ...DEMO_MODEM, core: 'AT firmware', expected: sent }, [{ ...update, ...DEMO_MODEM }], modem),
        ...boards.boards.map(boardRow(units)),
      ];
    } finally {
      await lifecycle.stop(STOP_MS);
    }
  } finally {
    await modem.stop();
    await mote.stop();
    await modules.stop();
    await boards.stop();
    await fleet.stop();
  }
}

async function openDaemon(folder: string, text: string, boards: Chips, screen: DemoScreen, io: Io): Promise<Daemon> {
  const file = join(folder, 'config.yaml');
  await writeFile(file, text);
  const environment = configEnvironment({ ...io, env: { ...io.env, DEMO_OTA_PASSWORD: DEMO_PASSWORD } }, 'required');
  const { config, problems } = await loadConfig(file, environment);
  if (config === null) throw new Error(`the demo's config has problems:\n${formatProblems(problems).join('\n')}`);
  const log: Logger = screen.log;
  return createDaemon({
    config,
    pid: process.pid,
    clock: systemClock,
    random: Math.random,
    log,
    onProgress: (job, sentBytes, totalBytes) => screen.progress(job.id, sentBytes, totalBytes),
    onUnitProgress: ({ slot }, _step, doneBytes, totalBytes) => screen.progress(slot, doneBytes, totalBytes),
    usbPorts: { list: async () => demoPorts(boards) },
  });
}

/** As people should: written elsewhere, then renamed into place. */
async function dropImages(drop: string, modemImage: Uint8Array): Promise<void> {
  const images = [
    { name: 'sensor-2.0.0.bin', chip: 'esp8266', sizeBytes: IMAGE_BYTES },
    { name: 'plug-2.0.0.bin', chip: 'esp32', sizeBytes: IMAGE_BYTES },
    // Of another size than the sensors' image, so that it is another image.
    { name: 'gateway-2.0.0.bin', chip: 'esp8266', sizeBytes: IMAGE_BYTES + 4_096 },
  ] as const;
  await mkdir(drop, { recursive: true });
  for (const { name, ...sample } of images) await dropImage(drop, name, sampleImage({ ...sample, version: '2.0.0' }));
  await dropImage(drop, 'appimg.bin', demoModuleImage(IMAGE_BYTES));
  const program = demoProgram(PROGRAM_BYTES);
  await dropImage(drop, program.name, program.bytes);
  await dropImage(drop, 'modem-4.0.0.bin', modemImage);
}

async function dropImage(drop: string, name: string, bytes: Uint8Array): Promise<void> {
  const part = join(drop, `.${name}.part`);
  await writeFile(part, bytes);
  await rename(part, join(drop, name));
}

/** Looks for the results beside the files, as any other program would. */
async function untilFinished(drop: string, { fatal }: Daemon, { signals }: Io, clock: Clock): Promise<DropResultJob[]> {
  const signal = AbortSignal.any([signals.stop, fatal]);
  const endMs = clock.monotonic() + LONGEST_MS;
  for (;;) {
    const results = await readResults(drop);
    if (results.length === IMAGES) return results.flatMap(({ jobs }) => jobs);
    if (clock.monotonic() > endMs) throw new Error(`the fleet was not done after ${LONGEST_MS / 1000} s`);
    await sleep(clock, 100, signal);
  }
}

/** Looks at the records, as `dropflash units` does. */
function untilWritten(dataPath: string, count: number, daemon: Daemon, io: Io, clock: Clock): Promise<readonly Unit[]> {
  const written = () => {
    const units = endedUnits(dataPath);
    return units.length >= count ? units : null;
  };
  return untilFound(written, 'the boards were not done', daemon, io, clock);
}

/** Looks at the jobs, as `dropflash publications` does. */
function untilVisited(dataPath: string, daemon: Daemon, io: Io, clock: Clock): Promise<JobRecord> {
  return untilFound(() => endedVisit(dataPath), 'the Waspmote was not done', daemon, io, clock);
}

function untilUpdated(dataPath: string, daemon: Daemon, io: Io, clock: Clock): Promise<JobRecord> {
  return untilFound(() => endedUpdate(dataPath), 'the module with AT firmware was not done', daemon, io, clock);
}

async function untilFound<Found>(
  find: () => Found | null,
  otherwise: string,
  { fatal }: Daemon,
  { signals }: Io,
  clock: Clock,
): Promise<Found> {
  const signal = AbortSignal.any([signals.stop, fatal]);
  const endMs = clock.monotonic() + LONGEST_MS;
  for (;;) {
    const found = find();
    if (found !== null) return found;
    if (clock.monotonic() > endMs) throw new Error(`${otherwise} after ${LONGEST_MS / 1000} s`);
    await sleep(clock, 100, signal);
  }
}

/** What became of one board, by its record and by its flash. */
function boardRow(units: readonly Unit[]): (board: SimulatedBoard) => DemoRow {
  return ({ mac, flash }) => {
    const unit = units.find(({ board }) => board?.mac === mac);
    const state = unit?.state ?? 'no record';
    const isWritten = (unit?.images ?? []).some(({ offset, sizeBytes, sha256 }) => {
      return (
        createHash('sha256')
          .update(flash.subarray(offset, offset + sizeBytes))
          .digest('hex') === sha256
      );
    });
    return {
      device: unit?.slot ?? mac,
      core: 'esp8266 on USB',
      state,
      proof: state === 'succeeded' ? 'accepted' : null,
      attempts: 1,
      code: unit?.error?.code ?? null,
      installs: isWritten ? 1 : 0,
      isAsExpected: state === 'succeeded' && isWritten,
    };
  };
}

async function readResults(drop: string): Promise<DropResult[]> {
  const results: DropResult[] = [];
  for (const folder of ['done', 'failed', 'unmatched', 'rejected']) {
    for (const name of await readdir(join(drop, folder))) {
      if (name.endsWith('.result.json')) results.push(JSON.parse(await readFile(join(drop, folder, name), 'utf8')));
    }
  }
  return results;
}

function rowOf(
  { name, core, expected }: Pick<DemoDevice, 'name' | 'expected'> & { readonly core: string },
  jobs: readonly Pick<DropResultJob, 'name' | 'state' | 'proof' | 'attempts' | 'error'>[],
  { installed }: { readonly installed: readonly unknown[] },
): DemoRow {
  const job = jobs.find((candidate) => candidate.name === name);
  const state = job?.state ?? 'no job';
  const proof = job?.proof ?? null;
  const code = job?.error?.code ?? null;
  const installs = installed.length;
  const isAsExpected = state === expected.state && proof === expected.proof && code === expected.code && installs === 1;
  return { device: name, core, state, proof, attempts: job?.attempts ?? 0, code, installs, isAsExpected };
}

function report(rows: readonly DemoRow[], elapsedMs: number, args: DemoArgs, io: Io): void {
  const isGood = rows.every(({ isAsExpected }) => isAsExpected);
  if (args.json) printJson(io, { outcome: isGood ? 'succeeded' : 'failed', elapsedMs, devices: rows });
  const lines = tableLines([
    ['DEVICE', 'CORE', 'OUTCOME', 'PROOF', 'ATTEMPTS', 'ERROR', 'AS EXPECTED'],
    ...rows.map(({ device, core, state, proof, attempts, code, isAsExpected }) => {
      return [device, core, state, proof ?? '-', `${attempts}`, code ?? '-', isAsExpected ? 'yes' : 'NO'];
    }),
  ]);
  printLines(args.json ? io.stderr : io.stdout, lines);
  const updated = rows.filter(({ state }) => state === 'succeeded').length;
  const sentence = `${updated} of ${rows.length} devices and boards were updated, each with the proof above, in ${(elapsedMs / 1000).toFixed(1)} s; ${
    isGood ? 'the faulty one was recognised.' : 'this is not as it should be.'
  }`;
  const output = args.json ? io.stderr : io.stdout;
  output.write(`${paint(io, output, isGood ? 'green' : 'red', sentence)}\n`);
}
