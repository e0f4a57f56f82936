import { expect, it } from 'vitest';
import { chipInfo } from '../../../src/protocols/esptool/operations.ts';
import { DESK_CHIPS, openDesk } from './desk.ts';

/** In all; more by CONNECTS=200. */
const CONNECTS = Number(process.env['CONNECTS'] ?? 16);
const BOARDS = 8;

/**
 * Each board is in its ROM, finds nothing to start and prints so over and over, whatever the host does; DTR and RTS are all that gets it
 * into its loader.
 */
it(`connects ${CONNECTS} times out of ${CONNECTS} from a fresh ROM with boot text in the line`, async (context) => {
  const each = Math.ceil(CONNECTS / BOARDS);
  let connected = 0;
  await Promise.all(
    Array.from({ length: BOARDS }, async (_, n) => {
      const chip = DESK_CHIPS[n % DESK_CHIPS.length] ?? 'esp32';
      const { board, settings } = await openDesk(chip, { medium: 'rfc2217', timings: { restartMs: 15 } }, context);
      for (let time = 0; time < each; time += 1) {
        // Reset into its (missing) application by the session before: it is in the ROM again, printing.
        expect(await chipInfo(settings)).toMatchObject({ chip, mac: board.mac });
        connected += 1;
      }
    }),
  );
  expect(connected).toBe(each * BOARDS);
});
