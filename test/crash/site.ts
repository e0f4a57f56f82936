import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BRISK } from '../../src/simulator/cores.ts';
import type { DeviceSpec } from '../../src/simulator/device-spec.ts';
import { type Fleet, startFleet } from '../../src/simulator/fleet.ts';
import { sampleImage } from '../../src/simulator/sample-image.ts';

/** Twenty sectors: a transfer takes long enough to be hit in the middle. */
export const IMAGE_BYTES = 80_000;
const SECTOR_MS = 15;
const LONGEST_RESTART_MS = 5_000;
const PASSWORD = 'crash';

/** Names of their own for each site: devices of all sites meet on one loopback network. */
function devicesOf(site: string): DeviceSpec[] {
  return [
    { name: `sensor-a-${site}`, core: 'esp8266', password: PASSWORD },
    {
      name: `sensor-b-${site}`,
      core: 'esp8266',
      // Its first upload breaks, so that a pause between two attempts can be hit as well.
      faults: { transfer: { atByte: 30_000, how: 'reset' }, uploads: 1 },
    },
    { name: `plug-a-${site}`, core: 'esp32-sha256', password: PASSWORD },
    { name: `plug-b-${site}`, core: 'esp32-md5', password: PASSWORD },
    // It takes every image, and its answer is always lost: nobody may ever say that it has it, nor send it again.
    { name: `mute-a-${site}`, core: 'esp32-md5', password: PASSWORD, faults: { okLost: 'close' } },
  ];
}

function configOf(service: string): string {
  return `version: 1
drop: { path: ./drop, settle: 300ms, scan: 1s }
data: ./data
discovery:
  mdns: { services: [${service}], interface: 127.0.0.1 }
limits: { total: 3 }
rules:
  - name: sensors
    firmware: { file: "sensor*.bin", chip: esp8266 }
    devices: { name: "sensor-*" }
    update: { protocol: espota, password: { file: password } }
    verify: { proof: returned, within: 12s }
  - name: plugs
    firmware: { file: "plug*.bin", chip: esp32 }
    devices: { name: "plug-*" }
    update: { protocol: espota, password: { file: password } }
    verify: { proof: accepted, within: 5s }
  - name: mutes
    firmware: { file: "plug*.bin", chip: esp32 }
    devices: { name: "mute-*" }
    update: { protocol: espota, password: { file: password } }
    verify: { proof: accepted, within: 1s }
`;
}

/** Which devices a rule is for, by the names above. */
export function isForRule(rule: string, device: string): boolean {
  return device.startsWith(`${rule.slice(0, -1)}-`);
}

export interface DroppedFile {
  readonly name: string;
  readonly sha256: string;
}

/** A folder with a config, a fleet that outlives every daemon, and the files that were dropped so far. */
export class Site {
  readonly home: string;
  readonly fleet: Fleet;
  readonly dropped: DroppedFile[] = [];
  readonly #name: string;
  #version = 0;

  private constructor(home: string, fleet: Fleet, name: string) {
    this.home = home;
    this.fleet = fleet;
    this.#name = name;
  }

  /** `name`: up to 14 letters and digits, different for each site of a machine. */
  static async open(name: string): Promise<Site> {
    const service = `c${name}`;
    const fleet = await startFleet(devicesOf(name), { service, timings: { ...BRISK, sectorMs: SECTOR_MS } });
    const home = mkdtempSync(join(tmpdir(), `dropflash-crash-${name}-`));
    mkdirSync(join(home, 'drop'));
    writeFileSync(join(home, 'config.yaml'), configOf(service));
    writeFileSync(join(home, 'password'), PASSWORD);
    return new Site(home, fleet, name);
  }

  get dropPath(): string {
    return join(this.home, 'drop');
  }

  get dataPath(): string {
    return join(this.home, 'data');
  }

  get journalPath(): string {
    return join(this.dataPath, 'journal.sqlite');
  }

  /**
   * Drops the next batch: new images for both chips, every third time under a name of the time before; and every other time
   * files that end elsewhere: one that no rule takes, a broken one, and the bytes of a current release once more.
   */
  dropNext(): void {
    this.#version += 1;
    const version = this.#version;
    const label = version % 3 === 0 ? '' : `-${version}`;
    this.#put(`sensor${label}.bin`, this.#image('esp8266', version));
    this.#put(`plug${label}.bin`, this.#image('esp32', version));
    if (version % 2 === 1) return;
    this.#put(`stray-${version}.bin`, this.#image('esp32', -version));
    this.#put(`plug-broken-${version}.bin`, this.#image('esp32', version).subarray(0, 40_000));
  }

  /** The bytes of the current release of the sensors, under another name. */
  dropAgain(): void {
    if (this.#version === 0) return;
    this.#put(`sensor-again-${this.dropped.length}.bin`, this.#image('esp8266', this.#version));
  }

  /** Names of dropped files that are still where they were dropped. */
  untaken(): string[] {
    return readdirSync(this.dropPath, { withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map(({ name }) => name);
  }

  /** Resolves when every device is back from its last restart: a job of a rule that asks for no return ends before. */
  async untilRestarted(): Promise<void> {
    const endMs = performance.now() + LONGEST_RESTART_MS;
    while (!this.fleet.devices.every(({ isOnline }) => isOnline) && performance.now() < endMs) await pause(10);
  }

  async close(): Promise<void> {
    await this.fleet.stop();
    rmSync(this.home, { recursive: true, force: true });
  }

  #image(chip: 'esp8266' | 'esp32', version: number): Uint8Array {
    return sampleImage({ chip, sizeBytes: IMAGE_BYTES, version: `${this.#name}.${version}` });
  }

  /** Half of them renamed into place, half written as they stand. */
  #put(name: string, bytes: Uint8Array): void {
    const path = join(this.dropPath, name);
    if (this.dropped.length % 2 === 0) {
      const part = join(this.dropPath, `.${name}.part`);
      writeFileSync(part, bytes);
      renameSync(part, path);
    } else writeFileSync(path, bytes);
    this.dropped.push({ name, sha256: createHash('sha256').update(bytes).digest('hex') });
  }
}
