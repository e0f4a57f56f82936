import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { type MdnsSettings, MdnsSource } from './mdns.ts';
import { arpLookup, type MacLookup } from './neighbours.ts';
import { DeviceRegistry } from './registry.ts';

export interface DiscoveryOptions {
  /** `discovery.mdns` of the config; false looks for nothing: the fixed list is all there is. */
  readonly mdns: MdnsSettings | false;
  readonly clock: Clock;
  readonly log: Logger;
  /** Defaults to the ARP table of this host. */
  readonly macOf?: MacLookup;
}

/** The registry of devices together with what feeds it. */
export class Discovery {
  readonly registry: DeviceRegistry;
  readonly #source: MdnsSource | null;

  constructor({ mdns, clock, log, macOf }: DiscoveryOptions) {
    const services = mdns ? mdns.services : [];
    this.registry = new DeviceRegistry({ clock, log, services, macOf: macOf ?? arpLookup(() => clock.monotonic()) });
    this.#source = mdns ? new MdnsSource({ settings: mdns, listener: this.registry, clock, log }) : null;
    if (this.#source) this.registry.useProber(this.#source);
  }

  /** Restore and setFixed come before. Returns at once: devices appear as events. A second call does nothing. */
  start(): void {
    this.#source?.start();
  }

  /** Closes all sockets. Safe to call twice and before start. */
  async stop(): Promise<void> {
    await this.#source?.stop();
  }
}
