import { describe, expect, it } from 'vitest';
import { FlashError } from '../../../src/errors.ts';
import { DESK_CHIPS, firmwareFor, openDesk, write } from './desk.ts';
import { FAULTY_BOARDS } from './faults.ts';

/** Each fault on each chip: what comes of it, that nothing passes for written that is not, and that a failure says what the board needs. */
describe.concurrent.each(DESK_CHIPS)('a simulated %s', (chip) => {
  const image = firmwareFor(chip, 0x10000);

  it.for(FAULTY_BOARDS)('with $name: $outcome', async ({ spec, outcome }, context) => {
    const { board, settings } = await openDesk(chip, { medium: 'rfc2217', ...spec }, context);
    const result = await write(settings, image).catch((error: unknown) => error);
    if (outcome !== 'written') {
      expect(result).toBeInstanceOf(FlashError);
      expect(result).toMatchObject({ code: outcome, hint: expect.stringMatching(/\w/) });
      return;
    }
    expect(result).toMatchObject({ images: [{ outcome: 'written', isVerified: true }] });
    expect(Buffer.from(board.flash).subarray(0, image.length).equals(image)).toBe(true);
  });
});
