import { isMarkedAsUntransferable, parentPort, workerData } from 'node:worker_threads';
import { perform, type TaskName } from './tasks.ts';

/** The other end of {@link readApart}: performs the one task that this thread was started with, and hands its result over. */

/** What {@link readApart} hands to the thread. */
export interface Order {
  readonly name: TaskName;
  readonly bytes: Uint8Array;
  readonly given: unknown;
}

const { name, bytes, given } = workerData as Order;
// Typed where the order was made: a name and what it takes come from one call.
const result: unknown = perform(name, bytes, given as never);
parentPort?.postMessage(result, buffersIn(result));

/** The memory behind all bytes of a value: it changes hands instead of being copied. */
function buffersIn(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (value instanceof Uint8Array) {
    // Small results of Node's own may lie in a pool that many share, which stays where it is.
    if (value.buffer instanceof ArrayBuffer && !isMarkedAsUntransferable(value.buffer)) found.add(value.buffer);
  } else if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) buffersIn(member, found);
  }
  return [...found];
}
