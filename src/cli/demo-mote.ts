import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../clock.ts';
import type { JobRecord } from '../jobs/journal/jobs.ts';
import { Journal } from '../jobs/journal/journal.ts';
import { Mote } from '../simulator/waspmote/mote.ts';
import { freePort } from './free-port.ts';

const USER = 'ota';
/** FTP sends it in the clear; this one opens nothing but the demo. */
const PASSWORD = 'demo';
const PROGRAM = 'METER_2';
const LOOK_EVERY_MS = 300;

/** A pretend Waspmote, which comes by itself: the daemon knows it by its user and its address. */
export const DEMO_MOTE = { name: `${USER}@127.0.0.1` } as const;

/** The mote at work: it looks for a new program every now and then until it is stopped. */
export class DemoMote {
  readonly port: number;
  /** The programs that it has started with. */
  readonly installed: unknown[] = [];
  readonly #stopping = new AbortController();
  readonly #life: Promise<void>;

  private constructor(port: number) {
    this.port = port;
    this.#life = this.#live();
  }

  static async start(): Promise<DemoMote> {
    return new DemoMote(await freePort());
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#life;
  }

  async #live(): Promise<void> {
    const mote = new Mote('4g', 'METER_1', 7);
    const server = { host: '127.0.0.1', port: this.port, user: USER, password: PASSWORD };
    const line = { clock: systemClock, baud: 115_200, cutAfter: null, localAddress: null, mode: 'passive' } as const;
    while (!this.#stopping.signal.aborted) {
      const { kind } = await mote.visit(server, line);
      if (kind === 'updated') this.installed.push(mote.program);
      await pause(LOOK_EVERY_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }
}

/** The file that a person exports from the IDE: it holds its name. */
export function demoProgram(sizeBytes: number): { readonly name: string; readonly bytes: Uint8Array } {
  const bytes = randomBytes(sizeBytes);
  // A jump to its start: the first vector of an AVR.
  bytes.set([0x0c, 0x94]);
  bytes.write(PROGRAM, 64, 'latin1');
  return { name: PROGRAM, bytes };
}

/** What the config says for it. */
export function demoMoteConfig({ port }: DemoMote): { readonly servers: string; readonly rule: string } {
  return {
    servers: `servers:
  ftp: { address: 127.0.0.1, port: ${port}, users: [{ name: ${USER}, password: ${PASSWORD} }] }
`,
    rule: `  - name: meters
    firmware: { file: "METER_*" }
    update: { protocol: waspmote-ftp, quiet: 1s }
`,
  };
}

/** The job of the mote when it is final; null: not yet. */
export function endedVisit(dataPath: string): JobRecord | null {
  const journal = Journal.openToRead(Journal.pathIn(dataPath));
  try {
    const jobs = journal.jobs.list({ devices: [DEMO_MOTE.name], states: ['succeeded'], limit: 1 });
    return jobs[0] ?? null;
  } finally {
    journal.close();
  }
}
