import type { TestContext } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { readDossier } from '../../../src/firmware/dossier.ts';
import { silentLogger } from '../../../src/log.ts';
import type { Chip } from '../../../src/model/chip.ts';
import { writeImages } from '../../../src/protocols/esptool/operations.ts';
import { DEFAULT_SERIAL_OPTIONS, type SerialOptions } from '../../../src/protocols/esptool/options.ts';
import { PreparedImages } from '../../../src/protocols/esptool/prepared-image.ts';
import type { SessionSettings } from '../../../src/protocols/esptool/session.ts';
import type { SimulatedBoard } from '../../../src/simulator/chip/board.ts';
import { BRISK_BOARD } from '../../../src/simulator/chip/chip-timings.ts';
import { type BoardSpec, startChips } from '../../../src/simulator/chip/chips.ts';
import { createNodeLinks } from '../../../src/transports/node-links.ts';
import { buildSmallMerged } from '../../fixtures/images/flash-map.ts';
import { buildEsp32App, buildEsp8266App } from '../../fixtures/images.ts';

/** The chips that tests are run on: one of each dialect of the ROM. */
export const DESK_CHIPS = ['esp8266', 'esp32', 'esp32c3'] as const;
export type DeskChip = (typeof DESK_CHIPS)[number];

type DeskSpec = Partial<BoardSpec> & Pick<BoardSpec, 'medium'>;

/** A simulated board on a port of its own, and what a session with it needs. It is gone when the test is over. */
export async function openDesk(
  chip: Chip,
  spec: DeskSpec,
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
): Promise<{ readonly board: SimulatedBoard; readonly settings: SessionSettings }> {
  const chips = await startChips([{ name: 'desk', chip, flashBytes: 0x100000, ...spec }], {
    timings: BRISK_BOARD,
    isPaced: false,
  });
  onTestFinished(() => chips.stop());
  const board = chips.board('desk');
  const path = networkPath(board);
  const settings = {
    ...DEFAULT_SERIAL_OPTIONS,
    // Raw TCP has no lines; the board starts in download mode when somebody connects.
    reset: path.startsWith('tcp:') ? ('none' as const) : ('auto' as const),
    port: { path, usb: null },
    links: createNodeLinks(systemClock, silentLogger),
    clock: systemClock,
    log: silentLogger,
    signal: new AbortController().signal,
  };
  return { board, settings };
}

/** The path at which a client opens a board on TCP or RFC 2217. */
export function networkPath({ address }: SimulatedBoard): string {
  if (address.kind !== 'tcp' && address.kind !== 'rfc2217') throw new Error('no network port');
  return `${address.kind}://${address.host}:${address.port}`;
}

/** Firmware for the whole of a board with a flash of 1 MB. */
export function firmwareFor(chip: DeskChip, sizeBytes: number): Uint8Array {
  if (chip === 'esp8266') return buildEsp8266App({ sizeBytes });
  return buildSmallMerged({ chip, app: buildEsp32App({ chip, sizeBytes, flashSizeFrequency: 0x0f }) });
}

export function write(settings: SessionSettings, bytes: Uint8Array, options: Partial<SerialOptions> = {}) {
  return writeImages(settings, {
    images: [{ name: 'image.bin', bytes, dossier: readDossier(bytes, 'image.bin'), offset: 'auto' }],
    options: { ...DEFAULT_SERIAL_OPTIONS, ...options },
    prepared: new PreparedImages(),
    onBegin: () => undefined,
    onProgress: () => undefined,
  });
}
