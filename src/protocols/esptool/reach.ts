import { FlashError } from '../../errors.ts';
import { hex } from '../../firmware/findings.ts';
import type { Chip } from '../../model/chip.ts';
import type { ChipSession } from './session.ts';

/** Where flash addresses of three bytes end. */
const REACH_BYTES = 0x1000000;
/** Whose stub sends four bytes to a larger flash chip (esptool 5.3, "Flash sizes larger than 16MB"; espressif/esp-stub-lib). */
const FAR_REACHING: readonly Chip[] = ['esp32s3', 'esp32c5', 'esp32p4'];

/**
 * A loader that sends three bytes of address takes what is behind 16 MB for the start of flash, where the boot loader is; and compares that
 * same place afterwards.
 *
 * @param end behind the last byte that is read, written or erased
 * @throws FlashError SERIAL_UNSUPPORTED with nothing changed
 */
export function refuseBeyondReach({ identity, isStub }: Pick<ChipSession, 'identity' | 'isStub'>, end: number): void {
  if (end <= REACH_BYTES || (isStub && FAR_REACHING.includes(identity.chip))) return;
  const loader = isStub ? 'stub' : 'ROM';
  const message = `the ${loader} of this chip reaches the first 16 MB of flash only, and not ${hex(end)}`;
  throw new FlashError('SERIAL_UNSUPPORTED', message);
}
