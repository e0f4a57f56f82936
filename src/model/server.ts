import type { PortRange, Secret } from './fields.ts';

/** The servers in the daemon that devices fetch from (`servers:` in the config). Null: the config has none of it. */
export interface ServerSettings {
  readonly ftp: FtpServerSettings | null;
  readonly espat: EspatServerSettings | null;
}

/** The read-only FTP server that Waspmotes fetch from. */
export interface FtpServerSettings {
  /** The local address it listens on. */
  readonly address: string;
  readonly port: number;
  /** Ports of passive data connections; null: the system chooses. */
  readonly passivePorts: PortRange | null;
  /** The IPv4 address that PASV names, where devices reach this machine through a NAT; null: the one the device came to. */
  readonly publicAddress: string | null;
  readonly users: readonly FtpUser[];
  /** Control connections at a time, in all and from one address. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** How long a control connection may be silent. */
  readonly idleMs: number;
  /** How long a data connection may take to come about, and may stand still. */
  readonly dataIdleMs: number;
}

/** Each user has a folder of its own, and sees one program in it. */
export interface FtpUser {
  readonly name: string;
  readonly password: Secret;
}

/** The HTTP server that modules with Espressif's AT firmware fetch from. */
export interface EspatServerSettings {
  /** The local address it listens on. */
  readonly address: string;
  readonly port: number;
  /** At a time. */
  readonly connections: number;
  /** The DNS answerer for the one name that modules have built in; null: none. */
  readonly dns: EspatDnsSettings | null;
}

/** The name server that leads modules here: `servers.espat.dns`. */
export interface EspatDnsSettings {
  readonly address: string;
  readonly port: number;
  /** The IPv4 address that modules are told. */
  readonly answer: string;
}
