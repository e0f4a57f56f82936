import { BRISK_BOARD } from '../src/simulator/chip/chip-timings.ts';
import { type BoardSpec, startChips } from '../src/simulator/chip/chips.ts';

/** The far end of `board-process.ts`: boards on pseudo-terminals in a process of their own. Nothing but their line takes time. */
async function obey(specs: readonly BoardSpec[]): Promise<void> {
  const chips = await startChips(specs, { timings: BRISK_BOARD, isPaced: true });
  process.on('message', async (name: string) => {
    const board = chips.board(name);
    await board.unplug();
    await board.plug();
    process.send?.({ replugged: name });
  });
  // The parent is gone: so are the boards, and what makes their pseudo-terminals.
  process.once('disconnect', () => void chips.stop().finally(() => process.exit()));
  process.send?.({
    paths: chips.boards.map(({ name, address }) => [name, address.kind === 'pty' ? address.path : '']),
  });
}

process.once('message', (specs: readonly BoardSpec[]) => void obey(specs));
