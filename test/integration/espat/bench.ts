import { createHash } from 'node:crypto';
import { systemClock } from '../../../src/clock.ts';
import { FlashError } from '../../../src/errors.ts';
import { readDossier } from '../../../src/firmware/dossier.ts';
import { type Logger, silentLogger } from '../../../src/log.ts';
import type { OptionValues, Secret } from '../../../src/model/fields.ts';
import type { FirmwareImage } from '../../../src/model/image.ts';
import { espatSerial } from '../../../src/protocols/espat-serial/index.ts';
import type { FlashReport } from '../../../src/protocols/protocol.ts';
import type { PortAddress } from '../../../src/simulator/chip/medium.ts';
import type { ModuleSpec } from '../../../src/simulator/espat/module.ts';
import { type AtModule, startAtModule } from '../../../src/simulator/espat/modules.ts';
import { createNodeLinks } from '../../../src/transports/node-links.ts';
import { buildEsp32App, buildUserImage, buildZip } from '../../fixtures/images.ts';
import { aDevice } from '../../fixtures/records.ts';

export const PASSWORD = 'pa"ss,w\\ord';
export const SSID = 'bench';

export const NEW_GMR = 'AT version:1.7.6.0(new)\r\nSDK version:3.0.6(new)';
export const USER1 = buildUserImage({ user: 1, codeBytes: 40_000 });
export const USER2 = buildUserImage({ user: 2, codeBytes: 40_000 });
export const PAIR = buildZip({ 'user1.bin': USER1, 'user2.bin': USER2 });
export const ESP_AT = buildEsp32App();

/** Halves that a module would start, whatever map they are for: what runs is told by the bytes. */
export const KNOWN = [USER1, USER2, ESP_AT].map((bytes) => ({ bytes, gmr: NEW_GMR }));

export function imageOf(bytes: Uint8Array, name: string): FirmwareImage {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { bytes, name, sha256, sizeBytes: bytes.length, dossier: readDossier(bytes, name) };
}

export function secret(text: string): Secret {
  return { source: 'plain text', reveal: () => text };
}

/** Short, but for what a busy machine needs. */
const QUICK: OptionValues = {
  'answer-within': 3_000,
  'join-within': 3_000,
  'update-within': 6_000,
  'ready-within': 3_000,
  'flash-map': '512+512',
};

export interface Given {
  readonly spec: Omit<ModuleSpec, 'name' | 'server'> & Partial<Pick<ModuleSpec, 'server'>>;
  readonly image: FirmwareImage;
  readonly options?: OptionValues;
  /** The rule names no network. */
  readonly isWithoutNetwork?: boolean;
  readonly medium?: PortAddress['kind'];
  readonly signal?: AbortSignal;
  readonly log?: Logger;
  readonly onStep?: (step: string) => void;
}

export interface Result {
  readonly module: AtModule['module'];
  readonly report: FlashReport | null;
  readonly error: FlashError | null;
  /** The proof, or the code. */
  readonly word: string;
  readonly steps: readonly string[];
}

let last = 0;

/** An address of this machine that no other test listens on. */
function ownAddress(): string {
  last += 1;
  return `127.77.${(process.pid % 250) + 1}.${last}`;
}

const PORT = 8070;

/** One update of one pretend module, which fetches from the server of the attempt unless told otherwise. */
export async function update(given: Given): Promise<Result> {
  const host = ownAddress();
  const network = { ssid: SSID, password: PASSWORD };
  const server = { host, port: PORT };
  const at = await startAtModule(
    { name: 'module', server, network, known: KNOWN, ...given.spec },
    given.medium ?? 'tcp',
  );
  const steps: string[] = [];
  const { module } = at;
  try {
    const report = await espatSerial.flash(
      {
        image: given.image,
        device: aDevice({ serial: { path: pathOf(at.address), usb: null }, address: null }),
        options: {
          ...QUICK,
          ...(given.isWithoutNetwork ? {} : { ssid: SSID, password: secret(PASSWORD) }),
          listen: { first: PORT, last: PORT },
          'local-address': host,
          ...given.options,
        },
        attempt: 1,
        links: createNodeLinks(systemClock, silentLogger),
        clock: systemClock,
        log: given.log ?? silentLogger,
        observer: {
          onStep: (step) => {
            steps.push(step);
            given.onStep?.(step);
          },
          onProgress: () => undefined,
        },
      },
      given.signal ?? new AbortController().signal,
    );
    return { module, report, error: null, word: report.proof, steps };
  } catch (error) {
    if (!(error instanceof FlashError)) throw error;
    return { module, report: null, error, word: error.code, steps };
  } finally {
    await at.stop();
  }
}

function pathOf(address: PortAddress): string {
  if (address.kind === 'memory') throw new Error('a memory port has no path');
  return address.kind === 'pty' ? address.path : `${address.kind}://${address.host}:${address.port}`;
}
