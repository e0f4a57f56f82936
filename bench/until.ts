import { setTimeout as pause } from 'node:timers/promises';

/** Looks every few milliseconds; throws when it takes longer than `withinMs`. */
export async function until(isTrue: () => boolean, what: string, withinMs: number): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pause(5);
  }
}
