import type { Chip } from '../../model/chip.ts';

/** ESP32-P4: LP_SYSTEM's pad group, the PMU's regulator for the flash chip, and the word whose lowest bits force it on. */
const PAD_GROUP = 0x5011010c;
const REGULATOR = 0x501151b8;
const REGULATOR_LIMIT = 0x501151bc;
const FORCED = 0x501153fc;
/** eFuse EFUSE_RD_REPEAT_DATA1, DOWNLOAD_MODE_XPD_ON. */
const FUSE_WORD = 0x5012d034;
const FUSE_BIT = 1 << 16;

const HELD_BITS = 0x7f800080;
const LIMIT_BIT = 1 << 27;
/** As it comes out of a reset: at its highest target. */
const REGULATOR_AT_START = 0x7f800000;

export interface FlashPowerSpec {
  readonly chip: Chip;
  readonly revision: { readonly major: number; readonly minor: number };
  /** DOWNLOAD_MODE_XPD_ON is burnt: the ROM powers flash, and leaves it forced on. */
  readonly isPoweredByRom: boolean;
}

/** Registers as they are at a start; none on chips whose flash always has power. */
export function flashPowerAtStart(spec: FlashPowerSpec): readonly (readonly [number, number])[] {
  if (!isSwitched(spec)) return [];
  if (!spec.isPoweredByRom) return [[REGULATOR, REGULATOR_AT_START]];
  return [
    [FUSE_WORD, FUSE_BIT],
    [FORCED, 0x2205_0003],
  ];
}

/** Whether the flash chip answers: an ESP32-P4 v3.1 or v3.2 leaves it off until a host has switched it on (esptool 5.3). */
export function hasFlashPower(spec: FlashPowerSpec, read: (address: number) => number): boolean {
  if (!isSwitched(spec)) return true;
  const isForced = (read(FORCED) & 0b11) !== 0;
  if (spec.isPoweredByRom) return !isForced;
  const isLetGo = (read(REGULATOR) & HELD_BITS) === 0 && (read(REGULATOR_LIMIT) & LIMIT_BIT) === 0;
  return (read(PAD_GROUP) & 1) !== 0 && isForced && isLetGo;
}

function isSwitched({ chip, revision: { major, minor } }: FlashPowerSpec): boolean {
  return chip === 'esp32p4' && major === 3 && (minor === 1 || minor === 2);
}
