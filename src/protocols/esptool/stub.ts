import { FlashError } from '../../errors.ts';
import { CHIP_FACTS } from '../../firmware/chips.ts';
import type { Chip } from '../../model/chip.ts';
import { decodeReply, encodeCommand, encodeWords, type Reply } from './codec.ts';
import { Op, STUB_HELLO_TIMEOUT_MS } from './constants.ts';
import type { Loader } from './loader.ts';
import { refusal } from './status.ts';

/** A program for the chip's RAM. */
export interface FlasherStub {
  readonly text: Uint8Array;
  readonly textAddress: number;
  readonly data: Uint8Array;
  readonly dataAddress: number;
  readonly entry: number;
}

/** The one frame a stub sends unasked. */
const HELLO = 'OHAI';

/**
 * Espressif's stub for this chip, or null where there is none (yet; nor for the samples of the ESP32-C2, v0.0, which stubs no longer
 * support). Loaded when it is needed, and from the package's file for stubs alone:
 * its front door brings a flasher for browsers along, and holds up the event loop for 40 ms.
 */
export async function loadStub(chip: Chip, revision: number | null): Promise<FlasherStub | null> {
  if (chip === 'esp32c2' && revision === 0) return null;
  const { getStubJsonByChipName } = await import('esptool-js/lib/stubFlasher.js');
  // It takes 0 for "not known", and then chooses the stub of the latest ESP32-P4.
  const known = revision === null ? undefined : Math.max(1, revision);
  const stub = await getStubJsonByChipName(CHIP_FACTS[chip].label, known);
  if (stub === undefined) return null;
  return {
    text: stub.decodedText,
    textAddress: stub.text_start,
    data: stub.decodedData,
    dataAddress: stub.data_start,
    entry: stub.entry,
  };
}

/**
 * Uploads the stub and waits until it says that it runs (esptool documentation, "Writing to RAM").
 *
 * @throws FlashError SERIAL_STUB_FAILED, or what the ROM refused
 */
export async function runStub(loader: Loader, stub: FlasherStub, blockBytes: number): Promise<void> {
  await upload(loader, stub.text, stub.textAddress, blockBytes);
  await upload(loader, stub.data, stub.dataAddress, blockBytes);
  const RUN = 0;
  await loader.frames.send(encodeCommand(Op.MEM_END, encodeWords(RUN, stub.entry)));
  // A ROM may never answer MEM_END, having jumped: only a refusal of it counts.
  const answer = await loader.frames.find((frame) => helloOrRefusal(frame), STUB_HELLO_TIMEOUT_MS);
  if (answer === null) {
    throw new FlashError('SERIAL_STUB_FAILED', `the stub did not say hello within ${STUB_HELLO_TIMEOUT_MS} ms`);
  }
  if (answer !== HELLO) {
    const [first = 0, second = 0] = answer.data;
    throw refusal('rom', 'MEM_END', { first, second });
  }
  loader.dialect = 'stub';
}

async function upload(loader: Loader, bytes: Uint8Array, address: number, blockBytes: number): Promise<void> {
  const blocks = Math.ceil(bytes.length / blockBytes);
  if (blocks === 0) return;
  await loader.command({ op: Op.MEM_BEGIN, data: encodeWords(bytes.length, blocks, blockBytes, address) });
  for (let sequence = 0; sequence < blocks; sequence++) {
    const block = bytes.subarray(sequence * blockBytes, (sequence + 1) * blockBytes);
    await loader.block(Op.MEM_DATA, block, sequence);
  }
}

function helloOrRefusal(frame: Uint8Array): typeof HELLO | Reply | null {
  if (Buffer.from(frame).toString('latin1') === HELLO) return HELLO;
  const reply = decodeReply(frame);
  return reply?.op === Op.MEM_END && reply.data[0] !== 0 ? reply : null;
}
