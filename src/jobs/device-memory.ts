import type { Clock, Timer } from '../clock.ts';
import type { Device } from '../model/device.ts';
import type { Journal } from './journal/journal.ts';

/** At a start a thousand devices are seen within seconds: they are written in batches. */
const BATCH_MS = 500;

/** Keeps the journal's list of devices up to date. What is lost in a crash is seen again on the network. */
export class DeviceMemory {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #onFatal: (error: unknown) => void;
  readonly #pending = new Map<string, Device>();
  #timer: Timer | null = null;

  constructor(journal: Journal, clock: Clock, onFatal: (error: unknown) => void) {
    this.#journal = journal;
    this.#clock = clock;
    this.#onFatal = onFatal;
  }

  note(device: Device): void {
    this.#pending.set(device.id, device);
    this.#timer ??= this.#clock.setTimer(BATCH_MS, () => this.flush());
  }

  /** Two devices turned out to be one: the id that is no more goes, what was done under it stays. */
  forget(deviceId: string): void {
    this.#pending.delete(deviceId);
    this.#journal.devices.remove(deviceId);
  }

  /** Writes what is pending, now. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#pending.size === 0) return;
    try {
      this.#journal.transaction(() => {
        for (const device of this.#pending.values()) this.#journal.devices.put(device);
      });
      this.#pending.clear();
    } catch (error) {
      this.#onFatal(error);
    }
  }
}
