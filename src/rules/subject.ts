import type { Chip } from '../model/chip.ts';
import type { Device } from '../model/device.ts';
import { type Address, parseAddress } from './address.ts';
import { type ChipEvidence, weighChipEvidence } from './chip-evidence.ts';

/** A device as the rules look at it: what a hundred rules ask for is worked out once, and only if one asks. */
export class Subject {
  readonly device: Device;
  /** In lower case, as globs want it. */
  readonly name: string;
  readonly #knownChip: (device: Device) => Chip | null;
  #board: string | null | undefined;
  #services: readonly string[] | undefined;
  #address: Address | null | undefined;
  #evidence: ChipEvidence | undefined;

  constructor(device: Device, knownChip: (device: Device) => Chip | null) {
    this.device = device;
    this.name = device.name.toLowerCase();
    this.#knownChip = knownChip;
  }

  /** In lower case. */
  get board(): string | null {
    this.#board ??= this.device.board?.toLowerCase() ?? null;
    return this.#board;
  }

  /** In lower case. */
  get services(): readonly string[] {
    this.#services ??= this.device.services.map((service) => service.toLowerCase());
    return this.#services;
  }

  get address(): Address | null {
    if (this.#address === undefined)
      this.#address = this.device.address === null ? null : parseAddress(this.device.address);
    return this.#address;
  }

  get evidence(): ChipEvidence {
    this.#evidence ??= weighChipEvidence(this.device, this.#knownChip(this.device));
    return this.#evidence;
  }

  /** The one chip that it certainly has, or null. */
  get chip(): Chip | null {
    const { strength, possible } = this.evidence;
    return strength === 'certain' && possible.length === 1 ? (possible[0] ?? null) : null;
  }
}
