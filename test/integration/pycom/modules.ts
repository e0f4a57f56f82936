import type { PycomSpec } from '../../../src/simulator/pycom/pycom-spec.ts';
import { buildPycomApp, buildWipy1App } from '../../fixtures/images.ts';

const KIB = 1024;

/** A module with the firmware that it runs, and an image that is right for it. */
export interface Module {
  readonly title: string;
  readonly spec: Omit<PycomSpec, 'name'>;
  /** Built anew for each call. */
  readonly image: (sizeBytes?: number) => Uint8Array;
  /** A second upload before a restart would be rejected. */
  readonly keepsLength: boolean;
}

const NEW_VERSION = '1.20.3.r1';

/** One of each kind that the protocol tells apart: by chip, boot loader, size of the slots. */
export const MODULES: readonly Module[] = [
  {
    title: 'WiPy 1',
    spec: {
      board: 'WiPy',
      mcu: 'CC3200',
      version: '1.8.6',
      builtOn: '2016-11-10',
      slotBytes: 192 * KIB,
      bootLoader: 'md5-tail',
    },
    image: (sizeBytes = 30_000) => buildWipy1App({ version: '1.9.0', sizeBytes }),
    keepsLength: false,
  },
  {
    title: 'LoPy, 1.17.1',
    spec: {
      board: 'LoPy',
      mcu: 'ESP32',
      version: '1.17.1',
      builtOn: '2018-03-14',
      slotBytes: 1536 * KIB,
      bootLoader: 'md5-tail',
    },
    image: (sizeBytes = 30_000) =>
      buildPycomApp({ board: 'LoPy', version: '1.17.1.b2', signed: 'md5-tail', sizeBytes }),
    keepsLength: true,
  },
  {
    title: 'WiPy 3, 1.18.2',
    spec: {
      board: 'WiPy',
      mcu: 'ESP32',
      version: '1.18.2',
      builtOn: '2019-02-08',
      slotBytes: 1536 * KIB,
      bootLoader: 'sha256',
    },
    image: (sizeBytes = 30_000) => buildPycomApp({ board: 'WiPy', version: NEW_VERSION, sizeBytes }),
    keepsLength: false,
  },
  {
    title: 'FiPy, 1.20.2',
    spec: {
      board: 'FiPy',
      mcu: 'ESP32',
      version: '1.20.2.r6',
      builtOn: '2021-10-28',
      slotBytes: 1980 * KIB,
      bootLoader: 'sha256',
    },
    image: (sizeBytes = 30_000) => buildPycomApp({ board: 'FiPy', version: NEW_VERSION, sizeBytes }),
    keepsLength: false,
  },
];

export function moduleOf(title: string): Module {
  const found = MODULES.find((module) => module.title === title);
  if (found === undefined) throw new RangeError(`there is no module "${title}"`);
  return found;
}
