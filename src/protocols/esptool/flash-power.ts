import { type Clock, sleep } from '../../clock.ts';
import type { ChipIdentity } from './identify.ts';
import type { Loader } from './loader.ts';

/** ESP32-P4, LP_SYSTEM: ANA_XPD_PAD_GROUP. */
const PAD_GROUP = 0x5011010c;
const PAD_GROUP_ON = 1;
/** ESP32-P4, PMU: EXT_LDO_P0_0P1A, the regulator of the flash chip, its analog half, and PMU_DATE, whose lowest bits force flash on. */
const LDO = 0x501151b8;
const LDO_TIE_HIGH = 1 << 7;
const LDO_TARGET = (0xff << 23) >>> 0;
const LDO_ANALOG = 0x501151bc;
const LDO_CURRENT_LIMIT = 1 << 27;
const PMU_DATE = 0x501153fc;
const FORCE_ON = 0b11;
/** eFuse DOWNLOAD_MODE_XPD_ON: the ROM gives flash its power by itself. */
const EFUSE_DATA1 = 0x5012d034;
const XPD_ON = 1 << 16;

type PowerStep =
  | { readonly register: number; readonly set: number }
  | { readonly register: number; readonly clear: number }
  | { readonly waitMs: number };

const POWER_UP: readonly PowerStep[] = [
  { register: PAD_GROUP, set: PAD_GROUP_ON },
  { waitMs: 10 },
  { register: LDO_ANALOG, set: LDO_CURRENT_LIMIT },
  { register: LDO, set: LDO_TIE_HIGH },
  { register: PMU_DATE, set: FORCE_ON },
  { waitMs: 1 },
  { register: LDO_ANALOG, clear: LDO_CURRENT_LIMIT },
  { register: LDO, clear: LDO_TARGET },
  { register: LDO, clear: LDO_TIE_HIGH },
  { waitMs: 2 },
];
/** Forced on by the ROM at its first start, which a second one does not bear. */
const RELEASE: readonly PowerStep[] = [{ register: PMU_DATE, clear: FORCE_ON }];

const V3_1 = 301;
const V3_2 = 302;

/**
 * Gives the flash chip its power where the ROM's loader does not: ESP32-P4 v3.1 and v3.2 start with it off, since their default voltage has
 * become 3.3 V and a 1.8 V part would not bear that. Values and order as in esptool 5.3, `targets/esp32p4.py`.
 */
export async function powerFlash(
  loader: Loader,
  { chip, revision }: ChipIdentity,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (chip !== 'esp32p4' || (revision !== V3_1 && revision !== V3_2)) return;
  const isDoneByRom = revision === V3_2 && ((await loader.readRegister(EFUSE_DATA1)) & XPD_ON) !== 0;
  for (const step of isDoneByRom ? RELEASE : POWER_UP) {
    if ('waitMs' in step) await sleep(clock, step.waitMs, signal);
    else await change(loader, step);
  }
}

async function change(loader: Loader, step: Exclude<PowerStep, { waitMs: number }>): Promise<void> {
  const before = await loader.readRegister(step.register);
  const after = 'set' in step ? before | step.set : before & ~step.clear;
  await loader.writeRegister(step.register, after >>> 0);
}
