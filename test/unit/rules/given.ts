import { NOTHING_FOUND } from '../../../src/firmware/findings.ts';
import { CHIPS } from '../../../src/model/chip.ts';
import type { Device } from '../../../src/model/device.ts';
import type { Dossier, StoredImage } from '../../../src/model/image.ts';
import type { Rule } from '../../../src/model/rule.ts';
import type { PlanContext } from '../../../src/rules/context.ts';
import { aDevice, aRule } from '../../fixtures/records.ts';

/** A context that knows nothing and objects to nothing. */
export function givenContext(known: Partial<PlanContext> = {}): PlanContext {
  return {
    accepts: () => ({ accepted: true }),
    defaultPort: () => null,
    currentImage: () => null,
    possibleVersions: () => [],
    storedImages: () => [],
    knownChip: () => null,
    ...known,
  };
}

export function givenDevice(over: Partial<Device> = {}): Device {
  return aDevice({ address: '10.0.7.31', board: 'd1_mini', ...over });
}

export function givenImage(dossier: Partial<Dossier> = {}, image: Partial<StoredImage> = {}): StoredImage {
  return {
    sha256: 'ab'.repeat(32),
    name: 'sensor-1.2.3.bin',
    sizeBytes: 400_000,
    ...image,
    dossier: {
      ...NOTHING_FOUND,
      kind: 'app',
      format: 'esp8266-arduino',
      container: 'none',
      chip: 'esp8266',
      sizeBytes: 400_000,
      contentBytes: 400_000,
      completeness: 'complete',
      ...dossier,
    },
  };
}

export type GivenRule = Partial<Omit<Rule, 'firmware' | 'devices'>> & {
  readonly firmware?: Partial<Rule['firmware']>;
  readonly devices?: Partial<Rule['devices']>;
};

export function givenRule({ firmware, devices, ...over }: GivenRule = {}): Rule {
  const rule = aRule(over);
  return { ...rule, firmware: { ...rule.firmware, ...firmware }, devices: { ...rule.devices, ...devices } };
}

export const ESP32_FAMILY = CHIPS.filter((chip) => chip !== 'esp8266');
