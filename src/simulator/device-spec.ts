import type { Link } from './connection.ts';
import type { Core, Timings } from './cores.ts';
import type { Faults } from './faults.ts';
import type { InstalledImage } from './updater.ts';

/** A pretend ArduinoOTA device. Everything but name and core has the default of the core. */
export interface DeviceSpec {
  /** Host name and mDNS instance name. */
  readonly name: string;
  readonly core: Core;
  /** Of 127.0.0.0/8; the fleet chooses one when it is missing. */
  readonly address?: string;
  /** OTA port; 0 lets the system choose. */
  readonly port?: number;
  /** TXT key `board`. */
  readonly board?: string;
  /** A TXT key under which the sketch says the version of its application; one that says none of itself gets none. */
  readonly versionKey?: string;
  /** `setPassword()`. */
  readonly password?: string;
  /** `setPasswordHash()`: kept exactly as given, upper case and MD5 on a SHA-256 core included. */
  readonly passwordHash?: string;
  readonly appSpaceBytes?: number;
  readonly filesystemSpaceBytes?: number;
  readonly link?: Partial<Link>;
  readonly timings?: Partial<Timings>;
  readonly faults?: Faults;
  /** False: the sketch has switched mDNS off. */
  readonly mdns?: boolean;
  /** `off`: it appears when somebody calls `powerOn()`. */
  readonly power?: 'on' | 'off';
}

/** An image that a device took, for tests to look at. */
export interface Installed extends InstalledImage {
  /** Epoch ms. */
  readonly atMs: number;
}

/** What happened to a device since it was made. */
export interface DeviceCounts {
  /** All that reached it while it was on, lost ones included. */
  datagrams: number;
  /** Those that it took for an invitation, whether or not an upload followed. */
  invitations: number;
  wrongLogins: number;
  /** Invitations that led to an update, login included; some then do not fit, or break off. */
  uploadsBegun: number;
  /** Images that it took. */
  uploadsFinished: number;
  /** Of images. */
  bytesReceived: number;
  starts: number;
}

/** What a test may wait for. */
export type DeviceEvent =
  | 'online'
  /** By mDNS, for the first time since it is online. */
  | 'announced'
  | 'offline'
  | 'invited'
  | 'upload-begun'
  | 'upload-failed'
  | 'installed'
  | 'restarting';
