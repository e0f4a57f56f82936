import type { LogLevel } from '../log.ts';
import type { FixedDevice } from '../model/device.ts';
import type { Hook } from '../model/hook.ts';
import type { Rule } from '../model/rule.ts';
import type { ServerSettings } from '../model/server.ts';
import type { Trust } from '../model/trust.ts';

/** The config, checked, complete and frozen: paths absolute, durations in milliseconds, defaults filled in. */
export interface Config {
  readonly version: 1;
  readonly drop: DropSettings;
  /** Journal and image store. */
  readonly dataPath: string;
  readonly keep: KeepSettings;
  readonly discovery: DiscoverySettings;
  readonly devices: readonly FixedDevice[];
  readonly limits: Limits;
  readonly control: ControlSettings | false;
  readonly hooks: readonly Hook[];
  /** Servers in the daemon that devices fetch from. */
  readonly servers: ServerSettings;
  /** Whose files are used; null: everyone's. */
  readonly trust: Trust | null;
  readonly log: LogSettings;
  /** In file order: the first that matches decides. */
  readonly rules: readonly Rule[];
}

/** The drop folder: `path` is absolute. */
export interface DropSettings {
  readonly path: string;
  /** How long size and time of a file stand still before it counts as complete, where nothing better tells. */
  readonly settleMs: number;
  /** The longest time between two scans of the folder. */
  readonly scanMs: number;
}

/** How long the data folder keeps what nobody needs any more; null: for ever. */
export interface KeepSettings {
  /** The bytes of an image, since anything was last done with it. */
  readonly imagesMs: number | null;
  /** A release that is over, with its jobs, since the last of them. */
  readonly historyMs: number | null;
}

/** Where devices are looked for; the fixed list is known whatever stands here. */
export interface DiscoverySettings {
  readonly mdns: MdnsSettings | false;
  /** Look for boards on USB ports. */
  readonly usb: boolean;
}

/** What is listened to over mDNS. */
export interface MdnsSettings {
  /** Without underscore and domain: `arduino` for `_arduino._tcp.local`. */
  readonly services: readonly string[];
  /** `auto`: every interface that is up; else the name or address of one. */
  readonly interface: string;
}

/** How commands reach the running daemon. */
export interface ControlSettings {
  /** A Unix socket; on Windows a pipe stands in its place. Null: the usual one of the data folder. */
  readonly socket: string | null;
}

/** How many devices are sent to at once. */
export interface Limits {
  readonly total: number;
  /** Per IPv4 /24, or per IPv6 /64. */
  readonly perSubnet: number;
  /** Names of devices, in groups of which never two are updated at the same time. */
  readonly exclusive: readonly (readonly string[])[];
}

/** What is written to stdout, and to a file as well where there is one. */
export interface LogSettings {
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
  readonly file: LogFile | null;
}

/** A log file beside stdout, always as JSON lines; renamed and started anew when it has grown to `maxBytes`. */
export interface LogFile {
  readonly path: string;
  readonly maxBytes: number;
  /** How many old files are kept. */
  readonly keep: number;
}
