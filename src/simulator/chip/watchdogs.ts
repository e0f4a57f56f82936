import type { Clock, Timer } from '../../clock.ts';

/** Where a chip has its RTC watchdog, its super watchdog, and the bit that keeps it in the loader. */
export interface WatchdogLayout {
  /** WDTCONFIG0; WDTCONFIG1, how many ticks its first stage takes, is the word behind it. */
  readonly config: number;
  readonly protect: number;
  /** Null: an ESP32-S2, whose super watchdog is none that a host has to look after. */
  readonly super: {
    readonly config: number;
    readonly autoFeedBit: number;
    readonly protect: number;
    readonly key: number;
  } | null;
  /** FORCE_DOWNLOAD_BOOT is its bit 0; null: the chip has no USB of the kind that needs it. */
  readonly forceDownload: number | null;
}

const KEY = 0x50d83aa1;
const ENABLED_BIT = 31;
const FORCE_DOWNLOAD = 1;
/** The slow clock of the RTC, by which the first stage is timed. */
const TICKS_PER_MS = 136;

/**
 * The two watchdogs of chips that can be the USB device themselves (technical reference manuals, "Watchdog Timers"). They take a word only while
 * it is unlocked with their key. In the loader nobody feeds them: what a host has not switched off resets the chip.
 */
export class Watchdogs {
  readonly #layout: WatchdogLayout;
  readonly #clock: Clock;
  readonly #bite: () => void;
  readonly #words = new Map<number, number>();
  #ordinary: Timer | null = null;
  #ordered: Timer | null = null;

  constructor(layout: WatchdogLayout, clock: Clock, bite: () => void) {
    this.#layout = layout;
    this.#clock = clock;
    this.#bite = bite;
  }

  /** A reset by one of them ends in the loader again. */
  get isDownloadForced(): boolean {
    const { forceDownload } = this.#layout;
    return forceDownload !== null && (this.read(forceDownload) & FORCE_DOWNLOAD) !== 0;
  }

  owns(address: number): boolean {
    const { config, protect, super: own, forceDownload } = this.#layout;
    return [config, config + 4, protect, own?.config, own?.protect, forceDownload].includes(address);
  }

  read(address: number): number {
    return this.#words.get(address) ?? 0;
  }

  write(address: number, value: number): void {
    const { config, protect, super: own } = this.#layout;
    const isRtc = address === config || address === config + 4;
    if (isRtc && this.read(protect) !== KEY) return;
    if (own !== null && address === own.config && this.read(own.protect) !== own.key) return;
    this.#words.set(address, value);
    if (address === config) this.#order(value);
  }

  /** The loader starts. `biteMs`: how long the watchdogs wait; null: they are not on. */
  start(biteMs: number | null, isDownloadForced: boolean): void {
    this.stop();
    this.#words.clear();
    const { config, forceDownload } = this.#layout;
    if (forceDownload !== null && isDownloadForced) this.#words.set(forceDownload, FORCE_DOWNLOAD);
    if (biteMs === null) return;
    this.#words.set(config, 2 ** ENABLED_BIT);
    this.#ordinary = this.#clock.setTimer(biteMs, () => this.expire());
  }

  /** Their time is up: what was not switched off bites. Returns whether one did. */
  expire(): boolean {
    if (this.#ordinary === null) return false;
    const { config, super: own } = this.#layout;
    const isFed = own === null || (this.read(own.config) >>> own.autoFeedBit) % 2 === 1;
    const isOff = !isOn(this.read(config));
    if (isOff && isFed) return false;
    this.stop();
    this.#bite();
    return true;
  }

  stop(): void {
    this.#ordinary?.cancel();
    this.#ordered?.cancel();
    this.#ordinary = null;
    this.#ordered = null;
  }

  /** A host has it bite on purpose: the way out of a loader that no line resets. */
  #order(config: number): void {
    this.#ordered?.cancel();
    this.#ordered = null;
    const ticks = this.read(this.#layout.config + 4);
    if (!isOn(config) || ticks === 0) return;
    this.#ordered = this.#clock.setTimer(ticks / TICKS_PER_MS, () => {
      this.stop();
      this.#bite();
    });
  }
}

function isOn(config: number): boolean {
  return config >>> ENABLED_BIT === 1;
}
