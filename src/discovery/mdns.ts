import { networkInterfaces } from 'node:os';
import type { Clock, Timer } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { chooseInterfaces, fingerprint, type InterfaceTable, type LocalInterface } from './interfaces.ts';
import { MdnsInterface } from './mdns-interface.ts';
import type { MdnsProber, SightingListener } from './source.ts';

/** `discovery.mdns` of the config. */
export interface MdnsSettings {
  /** Service types without underscore and domain: `arduino` stands for `_arduino._tcp`. */
  readonly services: readonly string[];
  /** `auto` (all but loopback), or the name or an address of one interface. */
  readonly interface: string;
}

/** What the mDNS source is made of; tests give it a table of interfaces of their own. */
export interface MdnsSourceOptions {
  readonly settings: MdnsSettings;
  readonly listener: SightingListener;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 ≤ x < 1; spreads questions so that hosts do not ask in step. */
  readonly random?: () => number;
  readonly interfaceTable?: () => InterfaceTable;
}

/** Interfaces come and go: cables, Wi-Fi, VPNs, containers. Reading the table takes some 50 µs. */
const FOLLOW_MS = 5_000;
/** What was ignored is counted and told together. */
const TELL_IGNORED_MS = 60_000;

/** Looks for service instances on the chosen interfaces, for as long as it is not stopped. Never throws for a broken network. */
export class MdnsSource implements MdnsProber {
  readonly #options: MdnsSourceOptions;
  readonly #log: Logger;
  readonly #open = new Map<string, { readonly mdns: MdnsInterface; readonly local: LocalInterface }>();
  readonly #ignored = new Map<string, number>();
  readonly #troubled = new Map<string, string>();
  #followTimer: Timer | null = null;
  #ignoredTimer: Timer | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: MdnsSourceOptions) {
    this.#options = options;
    this.#log = options.log;
  }

  /** Opens what there is now; the rest is opened when it comes. A second call does nothing. */
  start(): void {
    if (!this.#followTimer && !this.#stopping) this.#follow();
  }

  /** Closes all sockets. What was seen is not reported lost: it is only no longer looked for. */
  stop(): Promise<void> {
    this.#followTimer?.cancel();
    this.#ignoredTimer?.cancel();
    this.#tellIgnored();
    this.#stopping ??= Promise.all([...this.#open.values()].map(({ mdns }) => mdns.close(null))).then(() => undefined);
    return this.#stopping;
  }

  probe(service: string, instance: string): void {
    for (const { mdns } of this.#open.values()) mdns.probe(service, instance);
  }

  reconfirm(service: string, instance: string): void {
    for (const { mdns } of this.#open.values()) mdns.reconfirm(service, instance);
  }

  #follow(): void {
    const { settings, clock } = this.#options;
    const table = (this.#options.interfaceTable ?? networkInterfaces)();
    const wanted = new Map(chooseInterfaces(table, settings.interface).map((local) => [fingerprint(local), local]));
    for (const [print, { mdns, local }] of this.#open) {
      if (wanted.has(print)) continue;
      this.#open.delete(print);
      this.#troubled.delete(local.name);
      this.#log.debug('discovery.interface-gone', { interface: local.name, address: local.address });
      void mdns.close('interface-gone');
    }
    for (const [print, local] of wanted) if (!this.#open.has(print)) this.#openInterface(print, local);
    if (wanted.size === 0) this.#tellNoInterface(settings.interface);
    else this.#recovered('');
    this.#followTimer = clock.setTimer(FOLLOW_MS, () => this.#follow());
  }

  #openInterface(print: string, local: LocalInterface): void {
    const { settings, clock, listener, random = Math.random } = this.#options;
    const mdns = new MdnsInterface({
      local,
      services: settings.services,
      clock,
      random,
      listener,
      onIgnored: (reason, count) => this.#countIgnored(reason, count),
      onTrouble: (error) => this.#tellTrouble(local, error),
      onWorking: () => this.#recovered(local.name),
    });
    this.#open.set(print, { mdns, local });
    this.#log.debug('discovery.interface', { interface: local.name, address: local.address, families: local.families });
    mdns.open();
  }

  #tellNoInterface(choice: string): void {
    const wanted = choice === 'auto' ? 'no network interface is up' : `there is no network interface "${choice}"`;
    this.#warnOnce('', new FlashError('DISCOVERY_NO_INTERFACE', `mDNS: ${wanted}; looking again every 5 s`));
  }

  #tellTrouble(local: LocalInterface, error: Error): void {
    const systemCode = 'code' in error ? String(error.code) : error.message;
    const isTaken = systemCode === 'EADDRINUSE' || systemCode === 'EACCES';
    const where = `${local.name} (${local.address})`;
    this.#warnOnce(
      local.name,
      isTaken
        ? new FlashError('DISCOVERY_PORT_TAKEN', `UDP port 5353 cannot be opened on ${where}: ${systemCode}`, {
            cause: error,
          })
        : new FlashError('DISCOVERY_LINK_FAILED', `mDNS does not work on ${where}: ${systemCode}`, { cause: error }),
    );
  }

  /** The same trouble again is no news. */
  #warnOnce(where: string, error: FlashError): void {
    if (this.#troubled.get(where) === error.message) return;
    this.#troubled.set(where, error.message);
    this.#log.warn('discovery.failed', { ...error.toJSON() });
  }

  #recovered(where: string): void {
    if (!this.#troubled.delete(where)) return;
    this.#log.info('discovery.recovered', where === '' ? {} : { interface: where });
  }

  #countIgnored(reason: string, count: number): void {
    this.#ignored.set(reason, (this.#ignored.get(reason) ?? 0) + count);
    this.#ignoredTimer ??= this.#options.clock.setTimer(TELL_IGNORED_MS, () => this.#tellIgnored());
  }

  #tellIgnored(): void {
    this.#ignoredTimer = null;
    const full = this.#ignored.get('full');
    const flood = this.#ignored.get('flood');
    if (full || flood) {
      const words = `mDNS: ${flood ?? 0} packets beyond the rate limit and ${full ?? 0} records of surplus devices ignored`;
      this.#log.warn('discovery.flood', { ...new FlashError('DISCOVERY_FLOOD', words).toJSON() });
    }
    if (this.#ignored.size > 0) this.#log.debug('discovery.ignored', Object.fromEntries(this.#ignored));
    this.#ignored.clear();
  }
}
