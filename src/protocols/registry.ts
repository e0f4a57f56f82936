import { espatCloud } from './espat-cloud/index.ts';
import { espatSerial } from './espat-serial/index.ts';
import { espota } from './espota/index.ts';
import { serial } from './esptool/index.ts';
import type { Protocol } from './protocol.ts';
import type { PullProtocol } from './pull.ts';
import { pycomFtp } from './pycom-ftp/index.ts';
import { waspmoteFtp } from './waspmote-ftp/index.ts';

/** Every protocol dropflash speaks, by the name that `protocol:` in the config uses. */
export const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map(
  [espota, serial, pycomFtp, espatSerial].map((protocol) => [protocol.name, protocol]),
);

const PULL: readonly PullProtocol[] = [espatCloud, waspmoteFtp];

/** Every protocol of devices that fetch by themselves, by the name that `protocol:` uses. */
export const PULL_PROTOCOLS: ReadonlyMap<string, PullProtocol> = new Map(
  PULL.map((protocol) => [protocol.name, protocol]),
);

/** Those that a rule may name: both kinds. */
export const RULE_PROTOCOLS: readonly (Protocol | PullProtocol)[] = [...PROTOCOLS.values(), ...PULL_PROTOCOLS.values()];
