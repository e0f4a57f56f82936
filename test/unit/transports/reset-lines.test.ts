import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { FlashError } from '../../../src/errors.ts';
import type { ControlLines, SerialLink } from '../../../src/transports/links.ts';
import { parseResetSequence, playReset, RESET_SEQUENCES } from '../../../src/transports/reset-lines.ts';
import { manualClock } from '../service/manual-clock.ts';

describe('parseResetSequence', () => {
  it('reads the classic reset as people write it', () => {
    expect(parseResetSequence('dtr=0 rts=1 wait=100 dtr=1 rts=0 wait=50 dtr=0')).toEqual(RESET_SEQUENCES.classic);
  });

  it('keeps a line that is not named', () => {
    expect(parseResetSequence('rts=1 wait=5 dtr=1')).toEqual([
      { dtr: false, rts: true },
      { waitMs: 5 },
      { dtr: true, rts: true },
    ]);
  });

  it('takes a line that is named twice as two moves', () => {
    expect(parseResetSequence('dtr=1 rts=1 dtr=0')).toEqual([
      { dtr: true, rts: true },
      { dtr: false, rts: true },
    ]);
  });

  it.each(['', 'dtr=2', 'dtr', 'wait=10001', 'wait=-1', 'dtr=1,rts=0', 'cts=1', 'DTR=1'])('refuses "%s"', (text) => {
    expect(() => parseResetSequence(text)).toThrow(expect.objectContaining({ code: 'CONFIG_BAD_VALUE' }));
  });
});

describe('the sequences', () => {
  it.each(Object.entries(RESET_SEQUENCES))('%s leaves both lines off', (_name, sequence) => {
    expect(sequence.findLast((step) => 'dtr' in step)).toEqual({ dtr: false, rts: false });
  });

  it('go from reset to BOOT held without a moment of neither', () => {
    const sequence = RESET_SEQUENCES.tight.filter((step) => 'dtr' in step);
    const inReset = sequence.findIndex(({ dtr, rts }) => !dtr && rts);
    expect(sequence[inReset + 1]).toEqual({ dtr: true, rts: false });
  });
});

describe('playReset', () => {
  it('says when the port has no lines, and waits for nothing', async () => {
    const link = { setLines: async () => false } as unknown as SerialLink;
    // A clock that stands still: a wait would have no end.
    expect(await playReset(link, RESET_SEQUENCES['tight-long'], manualClock())).toBe(false);
  });

  it('ends at once with the reason of its signal', async () => {
    const played: ControlLines[] = [];
    const link = {
      setLines: async (lines: ControlLines) => {
        played.push(lines);
        return true;
      },
    } as unknown as SerialLink;
    const reason = new FlashError('SERIAL_PORT_LOST', 'test');
    await expect(playReset(link, RESET_SEQUENCES.classic, systemClock, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(played).toHaveLength(1);
  });
});
