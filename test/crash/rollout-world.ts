import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RolloutSettings } from '../../src/model/rollout.ts';
import type { Rule } from '../../src/model/rule.ts';
import { aRule } from '../fixtures/records.ts';
import type { Manner, Taking } from '../unit/jobs/fleet-run.ts';

export const IMAGE = 'aa';

/** The stages of the rollout: so many devices, of a thousand, are released after the canary and each wave. */
const ROLLOUT: RolloutSettings = {
  canary: { by: 'count', count: 5 },
  waves: { by: 'list', sizes: [10, 50, 100].map((amount) => ({ unit: 'percent', amount })) },
  soakMs: 600_000,
  stopAt: { failures: 5, percent: null },
  pauseAfter: null,
};

export const RULE: Rule = {
  ...aRule(),
  devices: { ...aRule().devices, name: 'd*' },
  firmware: { ...aRule().firmware, file: '*' },
  rollout: ROLLOUT,
};

/** Three in a hundred accept the image and are never seen again. */
export function mannerOf(device: string): Manner {
  return Number(device.slice(1)) % 33 === 0 ? 'vanishes' : 'good';
}

/** How many devices a stage releases. */
export function releasedBy(stage: number, devices: number): number {
  if (stage === 0) return Math.min(5, devices);
  const share = [10, 50, 100][stage - 1] ?? 100;
  return Math.max(1, Math.floor((devices * share) / 100));
}

/** A stop of the rollout, as it was before a person went on. */
export interface Stop {
  readonly atMs: number;
  readonly stage: number;
  readonly reason: string;
  readonly released: number;
  readonly failed: number;
}

/** What really happened in the world while daemons came and went: it is not the daemon's to lose. One line each, written before anything else follows. */
export class RolloutWorld {
  readonly #path: string;

  constructor(folder: string) {
    this.#path = join(folder, 'world.jsonl');
  }

  took(taking: Taking): void {
    this.#write({ taking });
  }

  stopped(stop: Stop): void {
    this.#write({ stop });
  }

  get takings(): readonly Taking[] {
    return this.#read().flatMap(({ taking }) => taking ?? []);
  }

  get stops(): readonly Stop[] {
    return this.#read().flatMap(({ stop }) => stop ?? []);
  }

  #write(line: Line): void {
    appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
  }

  #read(): readonly Line[] {
    if (!existsSync(this.#path)) return [];
    const lines = readFileSync(this.#path, 'utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Line);
  }
}

interface Line {
  readonly taking?: Taking;
  readonly stop?: Stop;
}
