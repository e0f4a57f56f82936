import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { readDossier } from '../../../src/firmware/dossier.ts';
import { silentLogger } from '../../../src/log.ts';
import type { SerialPortFacts } from '../../../src/model/device.ts';
import { connectBoard, type EspBoard } from '../../../src/protocols/esptool/board.ts';
import { PreparedImages } from '../../../src/protocols/esptool/prepared-image.ts';
import type { SimulatedBoard } from '../../../src/simulator/chip/board.ts';
import { BRISK_BOARD } from '../../../src/simulator/chip/chip-timings.ts';
import { startChips } from '../../../src/simulator/chip/chips.ts';
import { createNodeLinks } from '../../../src/transports/node-links.ts';
import { buildMerged } from '../../fixtures/images/flash-map.ts';
import { buildEsp32App } from '../../fixtures/images.ts';
import { networkPath } from './desk.ts';

const USB_SERIAL_JTAG = 0x1001;
const READY = 'ready v3';
const WITHIN_MS = 30_000;

/** Chips that are the USB device themselves: nothing between them and the host, and watchdogs that nobody feeds. */
const BOARDS = [
  { chip: 'esp32s3', circuit: 'usb-serial-jtag', productId: USB_SERIAL_JTAG },
  { chip: 'esp32c3', circuit: 'usb-serial-jtag', productId: USB_SERIAL_JTAG },
  { chip: 'esp32c6', circuit: 'usb-serial-jtag', productId: USB_SERIAL_JTAG },
  { chip: 'esp32h2', circuit: 'usb-serial-jtag', productId: USB_SERIAL_JTAG },
  { chip: 'esp32s2', circuit: 'usb-otg', productId: 0x0002 },
  { chip: 'esp32s3', circuit: 'usb-otg', productId: 0x0009 },
] as const;

describe.concurrent.each(BOARDS)('an $chip on its own USB ($circuit)', ({ chip, circuit, productId }) => {
  it('is written without a watchdog in the way, and runs its application afterwards', async ({ onTestFinished }) => {
    const events: string[] = [];
    const bites: boolean[] = [];
    const chips = await startChips([{ name: 'usb', chip, circuit, medium: 'rfc2217', appText: `${READY}\r\n` }], {
      timings: BRISK_BOARD,
      isPaced: false,
      onEvent: (board, event) => {
        events.push(event);
        // However long it takes a board to be written: at each write it is as if the watchdogs' time were up.
        if (event === 'flash-written') bites.push(board.expireWatchdogs());
      },
    });
    onTestFinished(() => chips.stop());
    const app = buildEsp32App({ chip, sizeBytes: 0x8000 });
    const bytes = buildMerged({ chip, app });
    const name = 'factory.bin';
    const image = { name, bytes, sizeBytes: bytes.length, sha256: '', dossier: readDossier(bytes, name) };
    const board = await connected(chips.board('usb'), productId);
    onTestFinished(() => board.close());
    await board.write([image], { onBegin: async () => undefined, onBytes: () => undefined });
    await board.restart(115_200);
    expect(await textWith(READY, board)).toContain(READY);
    expect(bites.length).toBeGreaterThan(0);
    expect(bites).not.toContain(true);
    expect(events.filter((event) => event.startsWith('started')).at(-1)).toBe('started-from-flash');
  });
});

function connected(board: SimulatedBoard, productId: number): Promise<EspBoard> {
  const usb: SerialPortFacts['usb'] = { vendorId: 0x303a, productId, serialNumber: null, location: null };
  const links = createNodeLinks(systemClock, silentLogger);
  const around = { links, clock: systemClock, log: silentLogger, prepared: new PreparedImages() };
  return connectBoard({ path: networkPath(board), usb }, {}, around, new AbortController().signal);
}

/** What the board prints, up to where it says this. */
async function textWith(expected: string, board: EspBoard): Promise<string> {
  const endMs = performance.now() + WITHIN_MS;
  let text = '';
  while (!text.includes(expected) && performance.now() < endMs) {
    text += Buffer.from((await board.bootOutput(1_000)) ?? []).toString('latin1');
  }
  return text;
}
