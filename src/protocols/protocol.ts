import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Device } from '../model/device.ts';
import type { Fields, OptionValues } from '../model/fields.ts';
import type { FirmwareImage, StoredImage } from '../model/image.ts';
import type { Step } from '../model/job.ts';
import type { Proof } from '../model/proof.ts';
import type { ReturnCheck, VersionPlace } from '../model/rule.ts';
import type { Links } from '../transports/links.ts';

/** Can this protocol bring this image to this device at all? Decided before a byte is sent. */
export type Acceptance = { readonly accepted: true } | { readonly accepted: false; readonly reason: string };

/** What an attempt tells while it runs. */
export interface AttemptObserver {
  /**
   * The attempt enters a step. Returns when it is durable: `commit` is announced before the first byte leaves that could make the
   * device take the image, so that a crash after it is never followed by a blind second upload.
   */
  onStep(step: Step): void;
  /** Never goes back within an attempt. `sentBytes` is what the device can have, not what it confirmed. */
  onProgress(sentBytes: number, totalBytes: number): void;
}

/** One attempt: what goes where, and what a protocol may use of its surroundings. */
export interface FlashRequest {
  readonly image: FirmwareImage;
  /** With an address; the caller made sure. */
  readonly device: Device;
  /** Checked against {@link Protocol.options}, defaults filled in. */
  readonly options: OptionValues;
  /** 1 for the first attempt of a job. A protocol may go more carefully on later ones. */
  readonly attempt: number;
  readonly links: Links;
  readonly clock: Clock;
  readonly observer: AttemptObserver;
  readonly log: Logger;
  /**
   * Calls the listener each time the device is seen to come onto the network, out of sleep or a restart: whatever it was asked before
   * that it did not hear. Returns how to end this. Absent where nobody watches the device.
   */
  readonly onAppearance?: ((listener: () => void) => () => void) | undefined;
}

/** How an attempt ended that was not an error. */
export interface FlashReport {
  /** What the protocol itself saw: at most `accepted`. */
  readonly proof: Extract<Proof, 'sent' | 'accepted'>;
  readonly sentBytes: number;
  readonly elapsedMs: number;
  /** What the device said of its version before the update, where the protocol asks for it; null: nothing. */
  readonly versionBefore?: string | null;
}

/** A device to be asked what it is. */
export type ProbeRequest = Pick<FlashRequest, 'device' | 'options' | 'links' | 'clock' | 'log'>;

/** What it said, and what follows from that: label by label, for people and scripts. */
export type ProbeFacts = Readonly<Record<string, string>>;

/** What devices of a protocol show of themselves to everybody, so that no rule has to say it. */
export interface Signs {
  readonly returnBy: ReturnCheck;
  /** Where they say their version. */
  readonly version: VersionPlace;
  /** For so long a device that is back says what it said before: then it has gone back, and says nothing else any more. */
  readonly settledAfterMs: number;
}

/** The seam between the job engine and the ways to reach a device. */
export interface Protocol {
  readonly name: string;
  /** One sentence for `--help` and the docs. */
  readonly summary: string;
  readonly options: Fields;
  /** After a failed attempt a device is left alone for at least this long before the next. */
  readonly minimumPauseMs: number;
  /** The port a device of this chip listens on unless something says otherwise; null: it must be known. */
  defaultPort(chip: string | null): number | null;
  accepts(device: Device, image: StoredImage): Acceptance;
  /** Asks a device what it is, without a login, and changes nothing. Absent where there is no harmless question. Throws FlashError. */
  probe?(request: ProbeRequest, signal: AbortSignal): Promise<ProbeFacts>;
  /** Absent, or null with these options: only the rule can know how a device shows that it is back, and where it says its version. */
  signs?(options: OptionValues): Signs | null;
  /**
   * One attempt. Throws FlashError; an error of disposition `uncertain` says that the device may have taken the image.
   * `signal`: stop at the next safe point. Before `commit` that is at once, by throwing the signal's reason as it is; from `commit` on
   * the result is awaited, and counts.
   */
  flash(request: FlashRequest, signal: AbortSignal): Promise<FlashReport>;
}
