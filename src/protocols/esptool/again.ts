import { FlashError } from '../../errors.ts';

/** What the line, the loader or the flash did wrong, as long as the port is there: it may go right when it is begun anew. */
export function isWorthAnotherTry(error: unknown): error is FlashError {
  return error instanceof FlashError && AGAIN.has(error.code);
}

const AGAIN = new Set([
  'SERIAL_NO_ANSWER',
  'SERIAL_LINE_NOISE',
  'SERIAL_CHIP_REFUSED',
  'SERIAL_STUB_FAILED',
  'SERIAL_FLASH_FAILED',
  'SERIAL_VERIFY_FAILED',
]);

/** How often something is begun: twice at a rate, then once at each lower one of the ladder. */
const MOST_TRIES = 4;
const TRIES_BEFORE_SLOWER = 2;

/** What is begun again: a session that can make sure that the chip listens. */
export interface Recoverable {
  recover(slower: boolean): Promise<void>;
}

/**
 * Does `work`, and does it again from its start after an error of the line, once the chip listens again. `onAgain` is told before.
 *
 * @throws FlashError the last error; at once what no other try would change
 */
export async function withRetries<T>(
  session: Recoverable,
  work: () => Promise<T>,
  onAgain: (error: FlashError, attempt: number) => void,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      if (attempt > 1) await session.recover(attempt > TRIES_BEFORE_SLOWER);
      return await work();
    } catch (error) {
      if (!isWorthAnotherTry(error) || attempt === MOST_TRIES) throw error;
      onAgain(error, attempt);
    }
  }
}
