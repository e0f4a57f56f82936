import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryMedium } from '../../../src/simulator/chip/memory-medium.ts';
import { type ModuleSpec, SimulatedModule } from '../../../src/simulator/espat/module.ts';
import { buildUserImage } from '../../fixtures/images.ts';
import type { DaemonProcess } from '../daemon/daemon-process.ts';
import { eventually, Site } from '../daemon/site.ts';
import { KNOWN, NEW_GMR, PAIR } from './bench.ts';

const site = new Site();
const HOST = `127.78.${(process.pid % 250) + 1}.1`;
const PORT = 8070;
let daemon: DaemonProcess;

/** A module on a port of this process, which its owner tells to update itself. */
class Module {
  readonly module: SimulatedModule;
  readonly #write: (text: string) => void;
  #heard = '';

  constructor(spec: Omit<ModuleSpec, 'name' | 'server'>) {
    const network = { ssid: 'x', password: 'y', isJoined: true };
    this.module = new SimulatedModule({
      name: 'field',
      server: { host: HOST, port: PORT },
      network,
      known: KNOWN,
      ...spec,
    });
    const medium = new MemoryMedium(this.module.host);
    this.module.connect(medium);
    const port = medium.open(115_200, {
      onData: (bytes) => {
        this.#heard += Buffer.from(bytes).toString('latin1');
      },
      onGone: () => undefined,
    });
    this.#write = (text) => port.write(Buffer.from(text, 'latin1'));
  }

  /** AT+CIUPDATE up to its end; what it said. */
  async update(): Promise<string> {
    this.#heard = '';
    this.#write('AT+CIUPDATE\r\n');
    await eventually('OK or ERROR', () => /\r\n(OK|ERROR)\r\n/.test(this.#heard));
    const isTaken = this.#heard.includes('OK');
    if (isTaken) await eventually('a start', () => this.#heard.includes('ready'));
    return this.#heard;
  }

  stop = () => this.module.stop();
}

const modules: Module[] = [];

function aModule(spec: Omit<ModuleSpec, 'name' | 'server'>): Module {
  const made = new Module(spec);
  modules.push(made);
  return made;
}

beforeAll(async () => {
  site.configure({
    discovery: { mdns: false },
    servers: { espat: { address: HOST, port: PORT } },
    rules: [
      {
        name: 'modules',
        firmware: { file: 'at-*' },
        update: { protocol: 'espat-cloud', 'flash-map': '512+512' },
        verify: { proof: 'accepted' },
      },
    ],
  });
  daemon = await site.start();
  await daemon.until('espat.ready');
});

afterAll(async () => {
  await Promise.all(modules.map((module) => module.stop()));
  await site[Symbol.asyncDispose]();
});

describe('the update server in the daemon', () => {
  it('offers nothing before something was dropped, and every generation keeps what it has', async () => {
    for (const generation of ['at-0.20', 'at-1.7.6', 'esp-at-2.1'] as const) {
      const one = aModule({ generation });
      expect(await one.update()).toContain('ERROR');
      expect(one.module.slots).toEqual([null, null]);
    }
  });

  it('rejects what does not fit, and offers nothing of it', async () => {
    site.drop('at-other-map.bin', buildUserImage({ user: 2, sizeMap: 5 }));
    expect((await site.result('rejected', 'at-other-map.bin')).error).toMatchObject({ code: 'ESPAT_WRONG_MAP' });
    expect(await aModule({ generation: 'at-0.20' }).update()).toContain('ERROR');
  });

  it('gives each module the half that it needs, and sees by its next visit that it took it', async () => {
    site.drop('at-1.7.6.zip', PAIR);
    await daemon.until('publication.published');
    const one = aModule({ generation: 'at-1.7.6' });
    await one.update();
    expect({ running: one.module.running, gmr: one.module.gmr }).toEqual({ running: 2, gmr: NEW_GMR });
    await daemon.until('job.waiting', { proof: 'sent' });
    expect(await site.jobs()).toMatchObject([{ state: 'confirming', proof: 'sent', device: 'ba0446dd@127.0.0.1' }]);
    await one.update();
    const { evidence } = await daemon.until('job.succeeded');
    expect(evidence).toBe('it asks for user1.bin, so it runs the user2.bin that it fetched');
    expect(await site.jobs()).toMatchObject([{ state: 'succeeded', proof: 'accepted', attempts: 1 }]);
  });

  it('takes the other half of an old build away when one half of a new one comes', async () => {
    const next = buildUserImage({ user: 2, codeBytes: 41_008, seed: 9 });
    site.drop('at-2-user2.bin', next);
    await eventually('a second publication', () => daemon.all('publication.published').length === 2);
    const known = [...KNOWN, { bytes: next, gmr: 'AT version:1.8.0.0(x)' }];
    const first = aModule({ generation: 'at-1.5', known });
    await first.update();
    expect(Buffer.from(first.module.slots[1] ?? []).equals(next)).toBe(true);
    const second = aModule({ generation: 'at-1.5', slot: 2, known });
    expect(await second.update()).toContain('ERROR');
    expect(second.module.slots).toEqual([null, null]);
  });

  it('says in a check which rules have no server', async () => {
    site.write(
      'other.yaml',
      'version: 1\ndrop: { path: ./drop }\nrules:\n  - { name: a, firmware: { file: "*" }, update: { protocol: espat-cloud } }\n',
    );
    const { stdout, stderr, exitCode } = await site.cli('check', '-c', 'other.yaml');
    expect(exitCode).toBe(78);
    expect(stdout + stderr).toContain('servers: { espat: {} }');
  });
});
