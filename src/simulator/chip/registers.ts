import type { ChipFacts, FuseField } from './chip-facts.ts';
import type { Security } from './chip-spec.ts';
import type { SpiController } from './spi-controller.ts';
import type { Watchdogs } from './watchdogs.ts';

const MAGIC_ADDRESS = 0x40001000;
const ESP8266_FUSES = 0x3ff00050;
const ESP32_MAC = 0x3ff5a004;
/** Of chips with an IEEE 802.15.4 radio: the middle of an EUI-64. */
const EUI64_MIDDLE = 0xfffe0000;

/** What is burnt into the eFuses. */
export interface Identity {
  readonly mac: readonly number[];
  readonly revision: { readonly major: number; readonly minor: number };
  readonly security: Security;
}

/** Registers that do something. */
export interface Peripherals {
  readonly spi: SpiController;
  readonly watchdogs: Watchdogs | null;
  /** What other words hold at a start. */
  readonly atStart: readonly (readonly [number, number])[];
  /** Of the UART, whose divider tells it. */
  baudRate(): number;
}

/** All that READ_REG and WRITE_REG reach: eFuses, the SPI controller, the watchdogs, the UART's divider; plain memory elsewhere. */
export class Registers {
  readonly #words: Map<number, number>;
  readonly #peripherals: Peripherals;
  readonly #divider: ChipFacts['uartDivider'];

  constructor(facts: ChipFacts, identity: Identity, peripherals: Peripherals) {
    this.#words = new Map([[MAGIC_ADDRESS, facts.magic], ...macWords(facts, identity.mac), ...peripherals.atStart]);
    this.#peripherals = peripherals;
    this.#divider = facts.uartDivider;
    const { major, minor } = identity.revision;
    this.#burn(facts.revision.major, facts.revision.isCounted ? (1 << major) - 1 : major);
    this.#burn(facts.revision.minor, minor);
    if (facts.security !== null) {
      this.#burn([facts.security.cryptCount], identity.security.flashEncryption ? 1 : 0);
      this.#burn([facts.security.secureBoot], identity.security.secureBoot ? 1 : 0);
    }
  }

  read(address: number): number {
    const { spi, watchdogs } = this.#peripherals;
    if (spi.owns(address)) return spi.read(address);
    if (watchdogs?.owns(address)) return watchdogs.read(address);
    if (address === this.#divider?.address) return Math.round(this.#divider.clockHz / this.#peripherals.baudRate());
    return this.#words.get(address) ?? 0;
  }

  /** Only the bits of `mask` change. */
  write(address: number, value: number, mask: number): void {
    const merged = ((this.read(address) & ~mask) | (value & mask)) >>> 0;
    const { spi, watchdogs } = this.#peripherals;
    if (spi.owns(address)) spi.write(address, merged);
    else if (watchdogs?.owns(address)) watchdogs.write(address, merged);
    else this.#words.set(address, merged);
  }

  #burn(fields: readonly FuseField[], value: number): void {
    for (const { address, bit, width, from = 0 } of fields) {
      const bits = (value >>> from) & ((1 << width) - 1);
      this.#words.set(address, ((this.#words.get(address) ?? 0) | (bits << bit)) >>> 0);
    }
  }
}

function macWords(facts: ChipFacts, mac: readonly number[]): [number, number][] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac;
  const low = ((c << 24) | (d << 16) | (e << 8) | f) >>> 0;
  const high = (a << 8) | b;
  if (facts.rom === 'esp8266') {
    return [
      [ESP8266_FUSES, (f << 24) >>> 0],
      [ESP8266_FUSES + 4, ((d << 8) | e) >>> 0],
      [ESP8266_FUSES + 0xc, (a << 16) | (b << 8) | c],
    ];
  }
  if (facts.macAddress === null) {
    return [
      [ESP32_MAC, low],
      [ESP32_MAC + 4, high],
    ];
  }
  const middle = facts.chip === 'esp32c6' || facts.chip === 'esp32h2' || facts.chip === 'esp32c5' ? EUI64_MIDDLE : 0;
  return [
    [facts.macAddress, low],
    [facts.macAddress + 4, (middle | high) >>> 0],
  ];
}
