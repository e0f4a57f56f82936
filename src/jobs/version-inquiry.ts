import type { Clock } from '../clock.ts';
import type { Device } from '../model/device.ts';
import type { Rule } from '../model/rule.ts';
import { versionSaid } from '../rules/said-version.ts';
import type { Journal } from './journal/journal.ts';
import { type DeviceDirectory, idsOf, type RuleBook } from './rule-book.ts';
import type { AskVersion } from './version-check.ts';

/** A device that does not tell is not asked again sooner. */
const ASK_AGAIN_MS = 600_000;
/** The same for one of which a job hangs; how often that is looked at is decided elsewhere. */
const ASK_STUCK_AGAIN_MS = 500;

/** What it takes to ask devices for their version. */
export interface VersionInquiryParts {
  readonly journal: Journal;
  readonly devices: DeviceDirectory;
  readonly rules: () => RuleBook;
  readonly askVersion: AskVersion;
  readonly clock: Clock;
}

/**
 * Asks devices for their version before they are sent anything, where the rule has an order of versions and a way to ask, and nothing is
 * known of what they run. What they say is in the journal, so that all decisions go by it, those of `plan` and `explain` included.
 */
export class VersionInquiry {
  readonly #parts: VersionInquiryParts;
  readonly #asking = new Set<string>();
  /** Device → when it was last asked, of the monotonic clock. */
  readonly #asked = new Map<string, number>();

  constructor(parts: VersionInquiryParts) {
    this.#parts = parts;
  }

  isAsking(deviceId: string): boolean {
    return this.#asking.has(deviceId);
  }

  /**
   * Whether this device has to be asked before anything is decided about it. A TXT record needs no question.
   * @param isStuck what is known of it leads nowhere: it is asked whatever that is
   */
  isDue(device: Device, { verify: { version: check }, versions }: Rule, isStuck: boolean): boolean {
    if (check === null || check.by === 'mdns') return false;
    if (versions.downgrade === 'allow' && versions.ladder.length === 0) return false;
    const { clock, journal } = this.#parts;
    const askedAt = this.#asked.get(device.id);
    if (askedAt !== undefined && clock.monotonic() - askedAt < (isStuck ? ASK_STUCK_AGAIN_MS : ASK_AGAIN_MS))
      return false;
    return (
      isStuck || (journal.devices.held(idsOf(device), 'app') === null && journal.devices.said(idsOf(device)) === null)
    );
  }

  /** Asks, and notes what the device says. Rejects only when aborted, or when the journal cannot be written. */
  async ask(device: Device, { verify: { version: check } }: Rule, signal: AbortSignal): Promise<void> {
    if (check === null) return;
    const { askVersion, clock, journal } = this.#parts;
    this.#asking.add(device.id);
    try {
      const text = await askVersion(device, check, signal);
      const version = text === null ? null : versionSaid(text, check.match);
      if (version !== null) journal.devices.says(device.id, version, clock.now());
      this.#asked.set(device.id, clock.monotonic());
    } finally {
      this.#asking.delete(device.id);
    }
  }
}
