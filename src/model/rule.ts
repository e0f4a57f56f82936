import type { Chip } from './chip.ts';
import type { OptionValues } from './fields.ts';
import type { ImageKind } from './image.ts';
import type { Proof } from './proof.ts';
import type { RolloutSettings } from './rollout.ts';

/**
 * Which images a rule is for. Null fields do not narrow, but a filesystem or raw image is accepted only where `kind` or `file` is set.
 * Globs ignore case.
 */
export interface FirmwareSelector {
  readonly file: string | null;
  readonly chip: Chip | null;
  readonly project: string | null;
  readonly version: string | null;
  readonly kind: ImageKind | null;
}

/** Which devices a rule is for. Null fields do not narrow; lists mean "one of". Globs ignore case. */
export interface DeviceSelector {
  readonly name: string | null;
  readonly board: string | null;
  readonly service: string | null;
  /** CIDR ranges or single addresses; the device's is in one of them. */
  readonly address: readonly string[] | null;
  readonly mac: string | null;
  /** The device certainly has this chip. */
  readonly chip: Chip | null;
  /** All of them must be there. */
  readonly tags: readonly string[] | null;
  readonly port: number | null;
  /** A glob for what USB tells of the port: `10c4:ea60`, the adapter's serial number, or the socket `1-1.4.2`. */
  readonly usb: string | null;
}

/** The protocol of boards on ports. Its rules are for them, and all others for devices on the network. */
export const PORT_PROTOCOL = 'serial';

/** Guards that a rule may override (docs/rules.md, "Guards and overrides"); each use is logged. */
export const GUARD_OVERRIDES = ['chip-mismatch', 'chip-unknown', 'version-unknown'] as const;

/** A guard that a rule may switch off, by its name under `allow:`. */
export type GuardOverride = (typeof GUARD_OVERRIDES)[number];

/** Which versions of an application may follow which on a device. */
export interface VersionRules {
  /** Whether an older version may replace a newer one. Where the two have no order, nothing is refused. */
  readonly downgrade: 'refuse' | 'allow';
  /** Versions that a device must run before it gets a later one, oldest first. */
  readonly ladder: readonly string[];
  /** How long a job that cannot climb its ladder is waited for: its device may yet say what it runs, or the rung be dropped. */
  readonly withinMs: number;
}

/** How a rule brings images to devices: `update:`. */
export interface UpdateSettings {
  readonly protocol: string;
  /** Retries after the first attempt, for errors of disposition `retry`. */
  readonly retries: number;
  /** Values of the protocol's own fields. */
  readonly options: OptionValues;
}

/** A time in which nothing starts: days (`2026-12-24`, the last one included) or moments (`2026-12-24T18:00`) of the rule's time zone. */
export interface Blackout {
  readonly from: string;
  readonly until: string;
}

/** When the attempts of a rule may start: `when:`. */
export type When =
  | { readonly kind: 'now' }
  /** A maintenance window opens at each match of `cron` in `timezone` and stays open for `forMs`, but for the blackouts. */
  | {
      readonly kind: 'window';
      readonly cron: string;
      readonly forMs: number;
      readonly timezone: string;
      readonly blackouts: readonly Blackout[];
      /** What becomes of a start that passed unattended. `run`: the window is open for as long as soon as that is noticed. */
      readonly missed: 'skip' | 'run';
      /** `always`: each start brings the current images to all devices once more; `needed`: to those that do not have them. */
      readonly refresh: 'needed' | 'always';
    }
  /** From a moment of `timezone` on, such as `2026-12-01T02:00`, but for the blackouts. One that has passed unattended is made up for. */
  | {
      readonly kind: 'date';
      readonly at: string;
      readonly timezone: string;
      readonly blackouts: readonly Blackout[];
    }
  /** As soon as a board is plugged into a port, and at once for those that are there. */
  | { readonly kind: 'attach' }
  /** When the device comes by itself: the rule publishes, and sends nothing. */
  | { readonly kind: 'visit' };

/** How a device is seen to come back: `verify.by`. */
export type ReturnCheck =
  /** mDNS for a device that speaks it, an ICMP echo for others. */
  | { readonly by: 'auto' }
  | { readonly by: 'mdns' }
  | { readonly by: 'ping' }
  | { readonly by: 'tcp'; readonly port: number }
  /** `{address}` in the URL stands for the device's address. */
  | { readonly by: 'http'; readonly url: string; readonly status: number };

/** Where a device says its version. */
export type VersionPlace =
  /** `{address}` in the URL stands for the device's address; `json` is a path such as `firmware.version`, null: the whole body. */
  | { readonly by: 'http'; readonly url: string; readonly status: number; readonly json: string | null }
  /** A key of its TXT record. */
  | { readonly by: 'mdns'; readonly key: string }
  /** What a TCP server says unasked. */
  | { readonly by: 'tcp'; readonly port: number };

export type VersionCheck = VersionPlace & {
  /** A regular expression, in which `{version}` stands for the version of the image. */
  readonly match: string;
  /**
   * A device that is back and says for so long, word for word, what it said before the update has gone back for good: what it starts is
   * settled before it says anything. Absent: what it says may still change, and only the end of {@link Verify.withinMs} tells.
   */
  readonly settledAfterMs?: number;
};

/** What a rule takes for a success: `verify:`. */
export interface Verify {
  /** What the rule asks for; less than that is a failed job. */
  readonly proof: Proof;
  /** For the return, and for the first right answer of the version check. */
  readonly withinMs: number;
  readonly check: ReturnCheck;
  readonly version: VersionCheck | null;
  /** How long the device is watched after that, for the proof `soaked`. */
  readonly soakMs: number;
}

/** Whether a version has to be proven. It is asked for a mere return as well, where the protocol knows how. */
export function needsVersion({ proof }: Pick<Verify, 'proof'>): boolean {
  return proof === 'verified' || proof === 'soaked';
}

/** What a board must print, or must not, after its start. Regular expressions; at least one of the two is there. */
export interface BootCheck {
  readonly expect: string | null;
  readonly reject: string | null;
  /** Of the boot text. */
  readonly baudRate: number;
  readonly withinMs: number;
}

/** Values of its own for each board, from a table with one row for each (docs/nvs.md). */
export interface UnitDataSource {
  /** Absolute path of the template: which keys there are, and the values that all boards share. */
  readonly template: string;
  /** Absolute path of the table. */
  readonly csv: string;
  /** Within one series no row is ever given to two boards, whatever files it stands in. */
  readonly series: string;
  /** The label of the NVS partition. */
  readonly partition: string;
}

/** What a rule with `when: attach` does with a board beyond writing. */
export interface LineSettings {
  /** What becomes of a board that has this release already. */
  readonly again: 'skip' | 'again' | 'refuse';
  readonly bootCheck: BootCheck | null;
  readonly unitData: UnitDataSource | null;
}

/** Backups of a board's whole flash before it is written: how many are kept for each board. */
export interface BackupSettings {
  readonly keep: number;
}

/** A sentence of the config. The first rule in file order that matches image and device decides. */
export interface Rule {
  readonly name: string;
  readonly firmware: FirmwareSelector;
  readonly devices: DeviceSelector;
  readonly update: UpdateSettings;
  readonly when: When;
  /** Null: a release goes to all devices at once. */
  readonly rollout: RolloutSettings | null;
  readonly verify: Verify;
  /** How long a release waits for devices that are away; null: until it is superseded. */
  readonly expiresMs: number | null;
  readonly allow: readonly GuardOverride[];
  readonly versions: VersionRules;
  /** Whether a device that is not well after the image gets back the one that it was proven to run before. */
  readonly undo: 'never' | 'on-failure';
  readonly line: LineSettings;
  readonly backup: BackupSettings | null;
}
