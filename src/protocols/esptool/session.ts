import { type Clock, sleep } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { SerialPortFacts } from '../../model/device.ts';
import type { Links } from '../../transports/links.ts';
import { playReset, RESET_SEQUENCES } from '../../transports/reset-lines.ts';
import { isWorthAnotherTry } from './again.ts';
import { changeBaudRate, lowerBaudRate } from './baud.ts';
import { connect, type ResetChoice, synchronise } from './connect.ts';
import {
  QUIET_MS,
  RAM_BLOCK_BYTES,
  ROM_BAUD_RATE,
  ROM_FLASH_BLOCK_BYTES,
  STUB_FLASH_BLOCK_BYTES,
  USB_OTG_BLOCK_BYTES,
} from './constants.ts';
import { powerFlash } from './flash-power.ts';
import { type ChipIdentity, describeChip, identify } from './identify.ts';
import type { Loader } from './loader.ts';
import { ChipPort } from './port.ts';
import { attachFlash, type FlashChip, flashChipOf, readFlashId, setFlashSize } from './spi-flash.ts';
import { loadStub, runStub } from './stub.ts';
import { disableWatchdogs, hasWatchdogReset, resetByWatchdog, WATCHDOG_RESET_MS } from './watchdogs.ts';

/** How a board is reached. */
export interface SessionSettings {
  readonly port: SerialPortFacts;
  readonly links: Pick<Links, 'openSerial'>;
  readonly reset: ResetChoice;
  /** The fastest rate to use. */
  readonly baudRate: number;
  /** Whether the flasher stub may be used; without it the ROM does the work, slowly. */
  readonly useStub: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const OPENING_TRIES = 2;

/** A conversation with one chip in download mode, over as many resets as it takes. */
export class ChipSession {
  readonly identity: ChipIdentity;
  readonly settings: SessionSettings;
  readonly #port: ChipPort;
  #loader: Loader;
  #flash: FlashChip | null = null;
  #baudRate = ROM_BAUD_RATE;
  #ceiling: number;
  #recoveries = 0;

  /**
   * Resets the chip into download mode, finds out what it is, and gets ready to work with its flash.
   *
   * @throws FlashError SERIAL_*; the signal's reason
   */
  static async open(settings: SessionSettings): Promise<ChipSession> {
    const port = await ChipPort.open(settings);
    try {
      return await ChipSession.#begin(settings, port, OPENING_TRIES);
    } catch (error) {
      await port.close();
      throw error;
    }
  }

  /** A byte that is lost on the way to a session that is ready for work costs another reset, not the attempt. */
  static async #begin(settings: SessionSettings, port: ChipPort, triesLeft: number): Promise<ChipSession> {
    const { clock, log, signal } = settings;
    try {
      const loader = await connect(port, settings.reset, clock, signal);
      const session = new ChipSession(settings, port, loader, await identify(loader));
      await session.#prepare();
      return session;
    } catch (error) {
      if (!isWorthAnotherTry(error) || triesLeft === 1) throw error;
      log.warn('serial.connect-again', { port: port.path, code: error.code });
      await port.frames.link.setBaudRate(ROM_BAUD_RATE).catch(ignoreRefusedRate);
      return ChipSession.#begin(settings, port, triesLeft - 1).catch((later: unknown) => {
        throw isSilence(later) ? fellSilent(error, later) : later;
      });
    }
  }

  private constructor(settings: SessionSettings, port: ChipPort, loader: Loader, identity: ChipIdentity) {
    this.settings = settings;
    this.#port = port;
    this.#loader = loader;
    this.identity = identity;
    this.#ceiling = settings.baudRate;
  }

  get loader(): Loader {
    return this.#loader;
  }

  /** How often something had to be begun anew. */
  get recoveries(): number {
    return this.#recoveries;
  }

  get baudRate(): number {
    return this.#baudRate;
  }

  /** Null in secure download mode, where it cannot be asked. */
  get flash(): FlashChip | null {
    return this.#flash;
  }

  get isStub(): boolean {
    return this.#loader.dialect === 'stub';
  }

  /** Bytes of one FLASH_DATA or FLASH_DEFL_DATA. */
  get flashBlockBytes(): number {
    if (!this.isStub) return ROM_FLASH_BLOCK_BYTES;
    return this.#port.kind === 'usb-otg' ? USB_OTG_BLOCK_BYTES : STUB_FLASH_BLOCK_BYTES;
  }

  /** Deflated images: every stub takes them, and every ROM but the ESP8266's. */
  get canInflate(): boolean {
    return (this.isStub || this.identity.chip !== 'esp8266') && !this.identity.security.isSecureDownload;
  }

  /** MD5 over flash: the same. */
  get canVerify(): boolean {
    return this.canInflate;
  }

  /**
   * After an error in the middle of something: makes sure that the same chip listens again. First without a reset, as the stub is usually
   * still there; then from the start. A port that cannot reset goes slower with the loader that is there.
   *
   * @param slower next time at a lower rate, where there is one
   * @throws FlashError SERIAL_BOARD_CHANGED when another chip answers; whatever {@link open} throws
   */
  async recover(slower: boolean): Promise<void> {
    this.#recoveries++;
    const lower = slower ? lowerBaudRate(this.#baudRate) : null;
    if (lower !== null) {
      this.#ceiling = lower;
      this.settings.log.warn('serial.slower', { port: this.#port.path, baudRate: lower });
    }
    const needsReset = lower !== null && this.#port.provenReset !== null;
    if (!needsReset && (await this.#isStillThere()) && (lower === null || (await this.#changeTo(lower)))) return;
    await this.#reconnect();
  }

  /**
   * Leaves download mode and runs the application.
   *
   * @param listenAt the rate at which its output will be read; null: nobody reads it
   * @returns false where the port has no line to do it with: the board has to be reset by hand
   */
  async run(listenAt: number | null = null): Promise<boolean> {
    const isReset = await this.#reset(listenAt);
    if (listenAt !== null && this.#port.kind !== 'bridge') await this.#port.awaitReturn();
    return isReset;
  }

  async #reset(listenAt: number | null): Promise<boolean> {
    const { clock } = this.settings;
    const { chip } = this.identity;
    if (this.#port.kind === 'usb-otg' && hasWatchdogReset(chip) && !this.identity.security.isSecureDownload) {
      await resetByWatchdog(this.#loader, chip);
      await sleep(clock, WATCHDOG_RESET_MS);
      return true;
    }
    if (listenAt !== null && this.#port.hasBaudRate) await this.#port.frames.link.setBaudRate(listenAt);
    this.#port.frames.restart();
    const sequence = this.#port.kind === 'bridge' ? RESET_SEQUENCES.hard : RESET_SEQUENCES['hard-usb'];
    try {
      return await playReset(this.#port.frames.link, sequence, clock);
    } catch (error) {
      // A chip that is itself the USB device is gone as soon as it is reset.
      if (this.#port.kind !== 'bridge' && error instanceof FlashError && error.code === 'SERIAL_PORT_LOST') return true;
      throw error;
    }
  }

  /**
   * What the application prints, at least one byte; null when nothing came in time. After {@link run}.
   *
   * @throws FlashError SERIAL_PORT_LOST
   */
  async output(timeoutMs: number): Promise<Uint8Array | null> {
    const { frames } = this.#port;
    // What came while it was waited for that the port stays or returns is the beginning of it.
    return frames.takeText() ?? frames.link.read(timeoutMs, this.settings.signal);
  }

  close(): Promise<void> {
    return this.#port.close();
  }

  /** A stub in the middle of a read takes the first SYNC for an acknowledgement, and the second for what it is. */
  async #isStillThere(): Promise<boolean> {
    const { clock, signal } = this.settings;
    const { frames, dialect } = this.#loader;
    await frames.drain(QUIET_MS);
    return (await synchronise(frames, clock, signal)) === dialect;
  }

  async #reconnect(): Promise<void> {
    const { clock, signal, reset } = this.settings;
    await this.#port.frames.link.setBaudRate(ROM_BAUD_RATE).catch(ignoreRefusedRate);
    this.#baudRate = ROM_BAUD_RATE;
    this.#loader = await connect(this.#port, reset, clock, signal);
    const found = await identify(this.#loader);
    if (found.chip !== this.identity.chip || found.mac !== this.identity.mac) {
      const was = `${describeChip(this.identity)} (${this.identity.mac})`;
      throw new FlashError(
        'SERIAL_BOARD_CHANGED',
        `${was} was there before, ${describeChip(found)} (${found.mac}) now`,
      );
    }
    await this.#prepare();
  }

  /** From a loader that answers to one that is ready for flash. */
  async #prepare(): Promise<void> {
    const { chip, security } = this.identity;
    const { clock, signal } = this.settings;
    if (this.#port.kind === 'usb-jtag' && !security.isSecureDownload) await disableWatchdogs(this.#loader, chip);
    await powerFlash(this.#loader, this.identity, clock, signal);
    await this.#startStub();
    await attachFlash(this.#loader, this.identity);
    if (security.isSecureDownload) return;
    this.#flash = flashChipOf(await readFlashId(this.#loader, chip));
    if (this.#flash.sizeBytes !== null) await setFlashSize(this.#loader, chip, this.#flash.sizeBytes);
    await this.#speedUp();
  }

  async #startStub(): Promise<void> {
    const { chip, revision, security } = this.identity;
    // The ROM of an ESP32-S3 with secure boot does not run a stub that comes in the usual way.
    const isForbidden = security.isSecureDownload || (security.hasSecureBoot && chip === 'esp32s3');
    if (this.isStub || !this.settings.useStub || isForbidden) return;
    const stub = await loadStub(chip, revision);
    if (stub === null) {
      this.settings.log.info('serial.no-stub', { port: this.#port.path, chip });
      return;
    }
    await runStub(this.#loader, stub, this.#port.kind === 'usb-otg' ? USB_OTG_BLOCK_BYTES : RAM_BLOCK_BYTES);
  }

  async #speedUp(): Promise<void> {
    const { chip } = this.identity;
    // The ROMs of the ESP8266 and of an ESP32-C2 with a 26 MHz crystal cannot, or get the rate wrong.
    const canChange = this.isStub || (chip !== 'esp8266' && chip !== 'esp32c2');
    if (!this.#port.hasBaudRate || !canChange || this.#ceiling === this.#baudRate) return;
    if (await this.#changeTo(this.#ceiling)) return;
    const { path } = this.#port;
    const refused = this.#ceiling;
    const lower = lowerBaudRate(refused) ?? ROM_BAUD_RATE;
    this.settings.log.warn('serial.slower', { port: path, refused, baudRate: lower });
    this.#ceiling = lower;
    await this.#reconnect().catch((error: unknown) => {
      throw isSilence(error) ? outOfReach(path, refused, error) : error;
    });
  }

  async #changeTo(baudRate: number): Promise<boolean> {
    const change = { loader: this.#loader, from: this.#baudRate, to: baudRate, ...this.settings };
    const isChanged = await changeBaudRate(change);
    if (isChanged) this.#baudRate = baudRate;
    return isChanged;
  }
}

const SILENCES = new Set(['SERIAL_NO_REPLY', 'SERIAL_NO_SYNC', 'SERIAL_WRONG_BOOT_MODE', 'SERIAL_NOT_RESET']);

/** No loader answers, whatever the reason. */
function isSilence(error: unknown): error is FlashError {
  return error instanceof FlashError && SILENCES.has(error.code);
}

/** A chip that had answered is neither unpowered nor on another port: what to look for is what it failed at. */
function fellSilent(first: FlashError, later: FlashError): FlashError {
  const { code, message, step, details } = first;
  return new FlashError(code, `${message}; afterwards it could not be reached again (${later.message})`, {
    cause: first,
    ...(step === undefined ? {} : { step }),
    ...(details === undefined ? {} : { details }),
  });
}

/** It took the order to change, and is at a rate that the line does not carry until it is reset. */
function outOfReach(path: string, baudRate: number, later: FlashError): FlashError {
  const message = `${path}: the chip answered, but not at ${baudRate} baud, and no reset brought it back to try a lower rate (${later.message})`;
  return new FlashError('SERIAL_BAUD_REFUSED', message, { cause: later });
}

/** A port without a rate of its own is at the right one. */
function ignoreRefusedRate(error: unknown): void {
  if (!(error instanceof FlashError) || error.code !== 'SERIAL_BAUD_REFUSED') throw error;
}
