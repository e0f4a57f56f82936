import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ESPLoader, Transport } from 'esptool-js';
import { SerialPort } from 'serialport';
import { systemClock } from '../../src/clock.ts';
import { readDossier } from '../../src/firmware/dossier.ts';
import { silentLogger } from '../../src/log.ts';
import type { FlashRange } from '../../src/model/image.ts';
import { chipInfo, eraseFlash, readFlash, writeImages } from '../../src/protocols/esptool/operations.ts';
import { DEFAULT_SERIAL_OPTIONS } from '../../src/protocols/esptool/options.ts';
import { PreparedImages } from '../../src/protocols/esptool/prepared-image.ts';
import type { SessionSettings } from '../../src/protocols/esptool/session.ts';
import { createNodeLinks } from '../../src/transports/node-links.ts';
import type { SerialBinding } from './chip-binding.ts';
import { WebSerialPort } from './web-serial-port.ts';

/** Bytes for a place in flash. */
export interface FlashFile {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What a header may be told (esptool, "Flash Modes"). */
export interface HeaderSettings {
  readonly mode: 'qio' | 'qout' | 'dio' | 'dout';
  readonly frequency: string;
  readonly size: string;
}

/** A program that flashes: ours, or one of the peers. The chip on the port is in its loader whenever the port is opened. */
export interface Flasher {
  readonly name: string;
  identify(port: string): Promise<{ readonly mac: string; readonly flashId: number }>;
  /** Verified, or it throws. */
  write(port: string, files: readonly FlashFile[], settings?: HeaderSettings): Promise<void>;
  read(port: string, range: FlashRange): Promise<Uint8Array>;
  eraseAll(port: string): Promise<void>;
}

/** Of our own sessions with a chip that is in its loader whenever the port is opened. */
export function sessionAt(path: string, baudRate: number): SessionSettings {
  return {
    ...DEFAULT_SERIAL_OPTIONS,
    baudRate,
    reset: 'none',
    port: { path, usb: null },
    links: createNodeLinks(systemClock, silentLogger),
    clock: systemClock,
    log: silentLogger,
    signal: new AbortController().signal,
  };
}

/** dropflash, at `baudRate`. */
export function ourFlasher(baudRate: number): Flasher {
  const settings = (path: string) => sessionAt(path, baudRate);
  return {
    name: 'dropflash',
    async identify(port) {
      const { mac, flash } = await chipInfo(settings(port));
      return { mac: mac ?? '', flashId: flash?.id ?? 0 };
    },
    async write(port, files, header) {
      const images = files.map(({ offset, bytes }, n) => {
        const name = `${n}.bin`;
        const dossier = readDossier(bytes, name);
        // What is written beside the table of the board is data, whatever it looks like.
        return { name, bytes, offset, dossier: header === undefined ? { ...dossier, kind: 'data' as const } : dossier };
      });
      const flashSettings =
        header === undefined
          ? DEFAULT_SERIAL_OPTIONS.settings
          : {
              mode: header.mode.toUpperCase(),
              frequencyMhz: Number.parseInt(header.frequency, 10),
              sizeBytes: Number.parseInt(header.size, 10) * 0x100000,
            };
      const { images: written } = await writeImages(settings(port), {
        images,
        options: { ...DEFAULT_SERIAL_OPTIONS, skipIdentical: false, settings: flashSettings },
        prepared: new PreparedImages(),
        onBegin: () => undefined,
        onProgress: () => undefined,
      });
      if (!written.every(({ isVerified }) => isVerified)) throw new Error('not verified');
    },
    read: async (port, range) => (await readFlash(settings(port), range, () => undefined)).bytes,
    async eraseAll(port) {
      await eraseFlash(settings(port), 'all');
    },
  };
}

/** esptool-js loses SYNC answers now and then (it drops half frames); people press the button again. */
const CONNECT_ATTEMPTS = 7;
const RETRY_PAUSE_MS = 300;
/** A board on a pseudo-terminal restarts as it is opened; esptool-js fails on boot text. */
const BOOT_TEXT_MS = 50;

/** esptool-js on a serialport. */
export class EsptoolJs implements Flasher {
  readonly name = 'esptool-js';
  readonly #baudRate: number;
  readonly #binding: SerialBinding;
  readonly #attempts: number;

  constructor(baudRate: number, binding: SerialBinding = SerialPort.binding, attempts = CONNECT_ATTEMPTS) {
    this.#baudRate = baudRate;
    this.#binding = binding;
    this.#attempts = attempts;
  }

  /** Runs `work` with the stub loaded, and closes the port again. */
  async with<T>(
    path: string,
    mode: 'no_reset' | 'default_reset',
    work: (loader: ESPLoader, transport: Transport) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const settleMs = mode === 'no_reset' ? BOOT_TEXT_MS : 0;
      const port = new WebSerialPort({ path, binding: this.#binding }, settleMs);
      const transport = new Transport(port as unknown as ConstructorParameters<typeof Transport>[0]);
      // It reports to the console what its reading loop meets.
      transport.trace = () => undefined;
      const terminal = { clean: () => undefined, write: () => undefined, writeLine: () => undefined };
      const loader = new ESPLoader({ transport, baudrate: this.#baudRate, romBaudrate: 115_200, terminal });
      try {
        await loader.main(mode);
      } catch (cause) {
        await transport.disconnect().catch(() => undefined);
        if (attempt === this.#attempts) throw cause;
        // It lets go of the port a moment after it says so.
        await pause(RETRY_PAUSE_MS);
        continue;
      }
      return await work(loader, transport).finally(() => transport.disconnect());
    }
  }

  identify(path: string) {
    return this.with(path, 'no_reset', async (loader) => ({
      mac: await loader.chip.readMac(loader),
      flashId: await loader.readFlashId(),
    }));
  }

  write(path: string, files: readonly FlashFile[]): Promise<void> {
    return this.with(path, 'no_reset', (loader) => this.writeBy(loader, files));
  }

  async writeBy(loader: ESPLoader, files: readonly FlashFile[]): Promise<void> {
    await loader.writeFlash({
      fileArray: files.map(({ offset, bytes }) => ({ address: offset, data: new Uint8Array(bytes) })),
      flashMode: 'keep',
      flashFreq: 'keep',
      flashSize: 'keep',
      eraseAll: false,
      compress: true,
      // With it, esptool-js compares the MD5 of each file with the chip's, and throws where they differ.
      calculateMD5Hash: (image) => createHash('md5').update(image).digest('hex'),
    });
  }

  read(path: string, { offset, sizeBytes }: FlashRange): Promise<Uint8Array> {
    return this.with(path, 'no_reset', (loader) => loader.readFlash(offset, sizeBytes));
  }

  eraseAll(path: string): Promise<void> {
    return this.with(path, 'no_reset', async (loader) => {
      await loader.eraseFlash();
    });
  }
}

const run = promisify(execFile);

/** Where esptool is at hand: the command line that starts it, such as `python3 -m esptool`. */
export const ESPTOOL = process.env['ESPTOOL'] ?? null;

/** esptool itself, as a program of its own. */
export function esptoolFlasher(command: string, baudRate: number): Flasher {
  const esptool = async (port: string, ...args: readonly string[]): Promise<string> => {
    const [program = '', ...first] = command.split(' ');
    const usual = ['--port', port, '--baud', `${baudRate}`, '--before', 'no-reset', '--after', 'no-reset'];
    return (await run(program, [...first, ...usual, ...args], { maxBuffer: 64 * 2 ** 20 })).stdout;
  };
  const inFolder = async <T>(work: (folder: string) => Promise<T>): Promise<T> => {
    const folder = mkdtempSync(join(tmpdir(), 'dropflash-esptool-'));
    return work(folder).finally(() => rmSync(folder, { recursive: true }));
  };
  return {
    name: 'esptool',
    async identify(port) {
      const text = await esptool(port, 'flash-id');
      const field = (pattern: RegExp) => pattern.exec(text)?.[1] ?? '';
      const [maker, device] = [field(/Manufacturer: ([0-9a-f]+)/), field(/Device: ([0-9a-f]+)/)];
      const flashId = Number(`0x${device.slice(2)}${device.slice(0, 2)}${maker}`);
      return { mac: field(/MAC: +([0-9a-f:]{17})/), flashId };
    },
    write: (port, files, header) =>
      inFolder(async (folder) => {
        const pairs = files.flatMap(({ offset, bytes }, n) => {
          const path = join(folder, `${n}.bin`);
          writeFileSync(path, bytes);
          return [`0x${offset.toString(16)}`, path];
        });
        const { mode = 'keep', frequency = 'keep', size = 'keep' } = header ?? {};
        const settings = ['--flash-mode', mode, '--flash-freq', frequency, '--flash-size', size];
        await esptool(port, 'write-flash', ...settings, ...pairs);
      }),
    read: (port, { offset, sizeBytes }) =>
      inFolder(async (folder) => {
        const path = join(folder, 'read.bin');
        await esptool(port, 'read-flash', `0x${offset.toString(16)}`, `${sizeBytes}`, path);
        return readFileSync(path);
      }),
    async eraseAll(port) {
      await esptool(port, 'erase-flash');
    },
  };
}
