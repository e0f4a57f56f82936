import { CHIPS } from '../../../src/model/chip.ts';
import type { Device } from '../../../src/model/device.ts';
import type { Dossier, StoredImage } from '../../../src/model/image.ts';
import type { Rule } from '../../../src/model/rule.ts';
import type { PlanContext } from '../../../src/rules/context.ts';

/** A context that knows nothing and objects to nothing. */
export function givenContext(known: Partial<PlanContext> = {}): PlanContext {
  return {
    accepts: () => ({ accepted: true }),
    defaultPort: () => null,
    currentImage: () => null,
    knownChip: () => null,
    ...known,
  };
}

export function givenDevice(known: Partial<Device> = {}): Device {
  const name = known.name ?? 'sensor-1';
  return {
    id: `mdns:arduino/${name}`,
    keys: [`mdns:arduino/${name}`],
    name,
    address: '10.0.7.31',
    port: 8266,
    mac: null,
    services: ['arduino'],
    board: 'd1_mini',
    txt: {},
    chip: null,
    protocol: null,
    tags: [],
    presence: 'present',
    firstSeenMs: 0,
    lastSeenMs: 0,
    ...known,
  };
}

export function givenImage(dossier: Partial<Dossier> = {}, image: Partial<StoredImage> = {}): StoredImage {
  return {
    sha256: 'ab'.repeat(32),
    name: 'sensor-1.2.3.bin',
    sizeBytes: 400_000,
    ...image,
    dossier: {
      kind: 'app',
      format: 'esp8266-arduino',
      container: 'none',
      filesystem: null,
      chip: 'esp8266',
      sizeBytes: 400_000,
      contentBytes: 400_000,
      completeness: 'complete',
      endsAt: null,
      flashOffset: null,
      flashMode: null,
      flashSizeBytes: null,
      flashFrequencyMhz: null,
      entryPoint: null,
      minChipRevision: null,
      maxChipRevision: null,
      segments: [],
      checksum: null,
      digest: null,
      crc: null,
      app: null,
      bootloader: null,
      signature: null,
      partitions: null,
      parts: null,
      problems: [],
      remarks: [],
      ...dossier,
    },
  };
}

export type GivenRule = Partial<Omit<Rule, 'firmware' | 'devices'>> & {
  readonly firmware?: Partial<Rule['firmware']>;
  readonly devices?: Partial<Rule['devices']>;
};

export function givenRule({ firmware, devices, ...rest }: GivenRule = {}): Rule {
  return {
    name: 'sensors',
    update: { protocol: 'espota', retries: 5, options: {} },
    when: { kind: 'now' },
    verify: { proof: 'returned', withinMs: 90_000, check: { by: 'mdns' } },
    expiresMs: null,
    allow: [],
    ...rest,
    firmware: { file: null, chip: null, project: null, version: null, kind: null, ...firmware },
    devices: {
      name: null,
      board: null,
      service: null,
      address: null,
      mac: null,
      chip: null,
      tags: null,
      port: null,
      ...devices,
    },
  };
}

export const ESP32_FAMILY = CHIPS.filter((chip) => chip !== 'esp8266');
