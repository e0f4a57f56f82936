import type { Clock } from '../../clock.ts';
import type { Logger } from '../../log.ts';
import type { Links } from '../../transports/links.ts';
import type { PycomOptions } from './options.ts';

/** What every conversation with one device needs. */
export interface Conversation {
  readonly address: string;
  /** Of the FTP server. */
  readonly port: number;
  readonly options: PycomOptions;
  readonly links: Links;
  readonly clock: Clock;
  readonly log: Logger;
  /** Absent from where on nothing may be broken off any more. */
  readonly signal?: AbortSignal | undefined;
}

/** For parameters that are left out rather than undefined. */
export function signalOf({ signal }: Conversation): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
