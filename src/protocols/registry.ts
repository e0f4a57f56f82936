import { espota } from './espota/index.ts';
import { serial } from './esptool/index.ts';
import type { Protocol } from './protocol.ts';

/** Every protocol dropflash speaks, by the name that `protocol:` in the config uses. */
export const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map(
  [espota, serial].map((protocol) => [protocol.name, protocol]),
);
