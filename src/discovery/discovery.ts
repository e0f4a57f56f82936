import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { type MdnsSettings, MdnsSource } from './mdns.ts';
import { arpLookup, type MacLookup } from './neighbours.ts';
import { DeviceRegistry } from './registry.ts';
import { listedPath } from './serial-ports/port-path.ts';
import { PortSource, type PortSourceOptions } from './serial-ports/port-source.ts';

/** What discovery is made of; `createDaemon` gives it. */
export interface DiscoveryOptions {
  /** `discovery.mdns` of the config; false looks for nothing: the fixed list is all there is. */
  readonly mdns: MdnsSettings | false;
  /** How USB ports are found; false: they are not looked for. */
  readonly usb: Pick<PortSourceOptions, 'list' | 'hints'> | false;
  readonly clock: Clock;
  readonly log: Logger;
  /** Defaults to the ARP table of this host. */
  readonly macOf?: MacLookup;
}

/** The registry of devices together with what feeds it. */
export class Discovery {
  readonly registry: DeviceRegistry;
  readonly #source: MdnsSource | null;
  readonly #ports: PortSource | null;

  constructor({ mdns, usb, clock, log, macOf }: DiscoveryOptions) {
    const services = mdns ? mdns.services : [];
    this.registry = new DeviceRegistry({
      clock,
      log,
      services,
      macOf: macOf ?? arpLookup(() => clock.monotonic()),
      listedPath,
    });
    this.#source = mdns ? new MdnsSource({ settings: mdns, listener: this.registry, clock, log }) : null;
    if (this.#source) this.registry.useProber(this.#source);
    this.#ports = usb ? new PortSource({ ...usb, listener: this.registry, clock, log }) : null;
  }

  /** Restore and setFixed come before. Returns at once: devices appear as events. A second call does nothing. */
  start(): void {
    this.#source?.start();
    this.#ports?.start();
  }

  /** Closes all sockets and looks at no port any more. Safe to call twice and before start. */
  async stop(): Promise<void> {
    await Promise.all([this.#source?.stop(), this.#ports?.stop()]);
  }
}
