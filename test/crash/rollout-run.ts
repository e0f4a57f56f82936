import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Journal } from '../../src/jobs/journal/journal.ts';
import type { SeededRandom } from './random.ts';
import type { RolloutEnd, RolloutOrder } from './rollout-child.ts';
import { countLedger, findRolloutViolations } from './rollout-promises.ts';
import { RolloutWorld, type Stop } from './rollout-world.ts';

export interface RolloutRunOptions {
  readonly devices: number;
  /** How often the process is killed, at random points of the way. */
  readonly kills: number;
  readonly random: SeededRandom;
}

export interface RolloutReport {
  readonly killed: number;
  readonly end: RolloutEnd;
  /** How the jobs ended: `succeeded`, `failed JOB_NOT_RETURNED`. */
  readonly ledger: ReadonlyMap<string, number>;
  readonly stops: readonly Stop[];
  readonly violations: readonly string[];
}

const CHILD = fileURLToPath(new URL('./rollout-child.ts', import.meta.url));
/** Ten thousand synced writes are not what is looked at; a killed process loses nothing of what it wrote to either. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** One rollout from the drop to its end, over as many lives of the process as it takes. */
export async function rolloutRun({ devices, kills, random }: RolloutRunOptions): Promise<RolloutReport> {
  const folder = mkdtempSync(join(MEMORY, 'dropflash-rollout-'));
  try {
    const points = Array.from({ length: kills }, () => random.below(devices)).sort((one, other) => one - other);
    const world = new RolloutWorld(folder);
    let killed = 0;
    let end: RolloutEnd | null = null;
    while (end === null) {
      const point = points[killed];
      const after = point === undefined ? null : Math.max(0, point - world.takings.length);
      const death = after === null ? null : { afterTakings: after, delayMs: random.below(CYCLE_MS) };
      end = await oneLife({ folder, devices, death });
      if (end === null) killed += 1;
    }
    const journal = Journal.openToRead(Journal.pathIn(folder));
    const violations = findRolloutViolations(journal, world, devices);
    const ledger = countLedger(journal);
    journal.close();
    return { killed, end, ledger, stops: world.stops, violations };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A device is sent to for ten seconds and comes back four later: a process dies at any moment of that, for each device that is under way. */
const CYCLE_MS = 14_000;

/** Null: it died. Throws where it ended in any other way. */
async function oneLife(order: RolloutOrder): Promise<RolloutEnd | null> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  try {
    const said = await text(child.stdout);
    const [code, signal] = await exited;
    if (signal === 'SIGKILL') return null;
    if (code !== 0) throw new Error(`the process ended with ${code ?? signal}`);
    return JSON.parse(said) as RolloutEnd;
  } finally {
    child.kill('SIGKILL');
  }
}
