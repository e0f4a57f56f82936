import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { readDossier } from '../../../src/firmware/dossier.ts';
import { silentLogger } from '../../../src/log.ts';
import { chipInfo, readFlash, writeImages } from '../../../src/protocols/esptool/operations.ts';
import { DEFAULT_SERIAL_OPTIONS } from '../../../src/protocols/esptool/options.ts';
import { PreparedImages } from '../../../src/protocols/esptool/prepared-image.ts';
import type { SessionSettings } from '../../../src/protocols/esptool/session.ts';
import { BRISK_BOARD } from '../../../src/simulator/chip/chip-timings.ts';
import { type BoardSpec, startChips } from '../../../src/simulator/chip/chips.ts';
import { createNodeLinks } from '../../../src/transports/node-links.ts';
import { buildEsp32App, buildEsp8266App, buildMerged } from '../../fixtures/images.ts';

/** The client against chips that somebody else wrote from the same documents: both ends share no code. */

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type SimulatedKind = 'esp8266' | 'esp32' | 'esp32c3';

async function connectTo(
  chip: SimulatedKind,
  spec: Partial<BoardSpec> & Pick<BoardSpec, 'medium'>,
): Promise<SessionSettings> {
  const board = { name: 'desk', chip, flashBytes: 0x400000, ...spec };
  const chips = await startChips([board], { timings: BRISK_BOARD, isPaced: false });
  closers.push(() => chips.stop());
  const { address } = chips.board('desk');
  if (address.kind !== 'tcp' && address.kind !== 'rfc2217') throw new Error('no network port');
  return {
    ...DEFAULT_SERIAL_OPTIONS,
    // Raw TCP has no lines; the board starts in download mode when somebody connects.
    reset: address.kind === 'tcp' ? 'none' : 'auto',
    port: { path: `${address.kind}://127.0.0.1:${address.port}`, usb: null },
    links: createNodeLinks(systemClock, silentLogger),
    clock: systemClock,
    log: silentLogger,
    signal: new AbortController().signal,
  };
}

function firmwareFor(chip: SimulatedKind, sizeBytes: number): Uint8Array {
  if (chip === 'esp8266') return buildEsp8266App({ sizeBytes });
  return buildMerged({ chip, app: buildEsp32App({ chip, sizeBytes }) });
}

function write(settings: SessionSettings, bytes: Uint8Array) {
  return writeImages(settings, {
    images: [{ name: 'image.bin', bytes, dossier: readDossier(bytes, 'image.bin'), offset: 'auto' }],
    options: DEFAULT_SERIAL_OPTIONS,
    prepared: new PreparedImages(),
    onBegin: () => undefined,
    onProgress: () => undefined,
  });
}

describe.each(['esp8266', 'esp32', 'esp32c3'] as const)('a simulated %s', (chip) => {
  it.each([true, false])('is identified, written, compared and read back (stub: %s)', async (useStub) => {
    const settings = { ...(await connectTo(chip, { medium: 'tcp', mac: '24:0a:c4:01:02:03' })), useStub };
    expect(await chipInfo(settings)).toMatchObject({ chip, mac: '24:0a:c4:01:02:03', flash: { sizeBytes: 0x400000 } });
    const image = firmwareFor(chip, 0x8000);
    const canVerify = useStub || chip !== 'esp8266';
    expect((await write(settings, image)).images).toMatchObject([{ outcome: 'written', isVerified: canVerify }]);
    if (!canVerify) return;
    const { bytes } = await readFlash(settings, { offset: 0, sizeBytes: image.length }, () => undefined);
    expect(Buffer.compare(bytes, image)).toBe(0);
    expect((await write(settings, image)).images).toMatchObject([{ outcome: 'identical', isVerified: true }]);
  });

  it('is reset into download mode, spoken to faster, and written over a line that loses bytes both ways', async () => {
    const settings = await connectTo(chip, {
      medium: 'rfc2217',
      faults: { loseIncoming: [30_000], loseOutgoing: [2_000] },
    });
    const { info, images } = await write(settings, firmwareFor(chip, 0x20000));
    expect(images).toMatchObject([{ outcome: 'written', isVerified: true }]);
    expect(info.baudRate).toBeGreaterThan(115_200);
  });
});

describe('a simulated chip that is not well', () => {
  it.each([
    ['SERIAL_NO_REPLY', { isSilent: true }],
    ['SERIAL_NO_SYNC', { isDeaf: true }],
    ['SERIAL_STUB_FAILED', { stub: 'mute' }],
  ] as const)('is %s', async (code, faults) => {
    const settings = await connectTo('esp32', { medium: 'tcp', faults });
    await expect(chipInfo(settings)).rejects.toMatchObject({ code });
  });

  it('never passes for one that took its image', async () => {
    const settings = await connectTo('esp32', { medium: 'tcp', faults: { wrongMd5: true } });
    await expect(write(settings, firmwareFor('esp32', 0x4000))).rejects.toMatchObject({ code: 'SERIAL_VERIFY_FAILED' });
  });
});
