import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type Clock, systemClock } from '../../../../src/clock.ts';
import { FlashError } from '../../../../src/errors.ts';
import { readDossier } from '../../../../src/firmware/dossier.ts';
import { silentLogger } from '../../../../src/log.ts';
import type { OptionValues, Secret } from '../../../../src/model/fields.ts';
import type { Dossier, FirmwareImage } from '../../../../src/model/image.ts';
import { espota } from '../../../../src/protocols/espota/index.ts';
import type { FlashReport } from '../../../../src/protocols/protocol.ts';
import type { Links } from '../../../../src/transports/links.ts';
import { createNodeLinks } from '../../../../src/transports/node-links.ts';
import type { ArduinoOtaDevice } from '../../../devices/arduino-ota-device.ts';
import { aDevice } from '../../../fixtures/records.ts';

/** An image whose bytes differ everywhere, so that a lost, doubled or moved chunk shows. */
export function imageOf(sizeBytes: number, dossier: Partial<Dossier> = {}): FirmwareImage {
  const bytes = Buffer.alloc(sizeBytes);
  for (let i = 0; i < sizeBytes; i += 1) bytes[i] = (i * 31 + (i >> 8) * 17) & 0xff;
  bytes[0] = 0xe9;
  const read: Dossier = {
    ...readDossier(bytes, 'test.bin'),
    kind: 'app',
    format: 'esp32',
    container: 'none',
    chip: 'esp32',
  };
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { bytes, name: 'test.bin', sha256, sizeBytes, dossier: { ...read, ...dossier } };
}

export function secret(text: string): Secret {
  return { source: 'plain text', reveal: () => text };
}

/** Short enough for a test, long enough for a busy machine. */
export const QUICK: OptionValues = {
  'answer-within': 3_000,
  'login-within': 3_000,
  'dial-back-within': 1_500,
  'stall-after': 3_000,
  'result-within': 4_000,
};

export interface Attempt {
  readonly image?: FirmwareImage;
  readonly options?: OptionValues;
  readonly attempt?: number;
  readonly signal?: AbortSignal;
  readonly links?: Links;
  readonly clock?: Clock;
  readonly onStep?: (step: string) => void;
  readonly onProgress?: (sentBytes: number) => void;
  readonly onAppearance?: (listener: () => void) => () => void;
}

export interface Outcome {
  readonly report: FlashReport | null;
  readonly error: unknown;
  /** The error's code, or the proof. */
  readonly word: string;
  readonly steps: readonly string[];
  readonly progress: readonly number[];
}

/** The client has let go of the device, whatever came of it: an open connection would keep an ESP8266 deaf. */
async function released(device: ArduinoOtaDevice): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (device.isConnected) {
    if (Date.now() > deadline) throw new Error('the client still holds the connection');
    await pause(5);
  }
}

/** One attempt against a test device, with everything it told on the way. */
export async function flash(device: ArduinoOtaDevice, attempt: Attempt = {}): Promise<Outcome> {
  const steps: string[] = [];
  const progress: number[] = [];
  const request = {
    image: attempt.image ?? imageOf(30_001),
    device: aDevice({ address: device.address, port: device.port }),
    options: { ...QUICK, ...attempt.options },
    attempt: attempt.attempt ?? 1,
    links: attempt.links ?? createNodeLinks(systemClock, silentLogger),
    clock: attempt.clock ?? systemClock,
    log: silentLogger,
    onAppearance: attempt.onAppearance,
    observer: {
      onStep: (step: string) => {
        steps.push(step);
        attempt.onStep?.(step);
      },
      onProgress: (sentBytes: number) => {
        progress.push(sentBytes);
        attempt.onProgress?.(sentBytes);
      },
    },
  };
  try {
    const report = await espota.flash(request, attempt.signal ?? new AbortController().signal);
    await released(device);
    return { report, error: null, word: report.proof, steps, progress };
  } catch (error) {
    await released(device);
    return { report: null, error, word: error instanceof FlashError ? error.code : String(error), steps, progress };
  }
}
