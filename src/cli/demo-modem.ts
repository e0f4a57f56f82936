import { setTimeout as pause } from 'node:timers/promises';
import type { JobRecord } from '../jobs/journal/jobs.ts';
import { Journal } from '../jobs/journal/journal.ts';
import { MemoryMedium } from '../simulator/chip/memory-medium.ts';
import { SimulatedModule } from '../simulator/espat/module.ts';
import { sampleImage } from '../simulator/sample-image.ts';
import { freePort } from './free-port.ts';

const RULE = 'modems';
const ASK_EVERY_MS = 500;
const BAUD_RATE = 115_200;
const VERSION = '4.0.0';

/** A pretend module with AT firmware, which its owner tells to update itself every now and then. The daemon knows it by its token and its address. */
export const DEMO_MODEM = { name: 'ba0446dd@127.0.0.1' } as const;

/** The module at work: `AT+CIUPDATE` again and again until there is an update for it. */
export class DemoModem {
  readonly port: number;
  readonly image: Uint8Array;
  readonly #module: SimulatedModule;
  readonly #stopping = new AbortController();
  readonly #life: Promise<void>;

  private constructor(port: number, sizeBytes: number) {
    this.port = port;
    this.image = sampleImage({ chip: 'esp32', sizeBytes, version: VERSION });
    this.#module = new SimulatedModule({
      name: DEMO_MODEM.name,
      generation: 'esp-at-3.2',
      server: { host: '127.0.0.1', port },
      network: { ssid: 'demo', password: 'demo', isJoined: true },
      known: [{ bytes: this.image, gmr: `AT version:${VERSION}(demo)` }],
    });
    this.#life = this.#live();
  }

  static async start(sizeBytes: number): Promise<DemoModem> {
    return new DemoModem(await freePort(), sizeBytes);
  }

  /** The images that it runs, besides the one it came with. */
  get installed(): readonly unknown[] {
    return this.#module.gmr.includes(VERSION) ? [this.#module.gmr] : [];
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#life;
    await this.#module.stop();
  }

  async #live(): Promise<void> {
    const medium = new MemoryMedium(this.#module.host);
    this.#module.connect(medium);
    let heard = '';
    const onData = (bytes: Uint8Array): void => {
      heard += Buffer.from(bytes).toString('latin1');
    };
    const port = medium.open(BAUD_RATE, { onData, onGone: () => undefined });
    const { signal } = this.#stopping;
    while (!signal.aborted && this.installed.length === 0) {
      heard = '';
      port.write(Buffer.from('AT+CIUPDATE\r\n', 'latin1'));
      while (!signal.aborted && !/\r\n(OK|ERROR)\r\n/.test(heard)) await pause(20);
      await pause(ASK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** What the config says for it. */
export function demoModemConfig({ port }: DemoModem): { readonly server: string; readonly rule: string } {
  return {
    server: `  espat: { address: 127.0.0.1, port: ${port} }
`,
    rule: `  - name: ${RULE}
    firmware: { file: "modem-*.bin" }
    update: { protocol: espat-cloud }
    verify: { proof: sent }
`,
  };
}

/** The job of the module when it is final; null: not yet. */
export function endedUpdate(dataPath: string): JobRecord | null {
  const journal = Journal.openToRead(Journal.pathIn(dataPath));
  try {
    return journal.jobs.list({ states: ['succeeded'], limit: 100 }).find(({ rule }) => rule === RULE) ?? null;
  } finally {
    journal.close();
  }
}
