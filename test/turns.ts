/**
 * How often the event loop turned while this work, just begun, went on. Work that is done in place lets it turn at no point, however long it takes, and
 * work on another thread ends by way of the loop: no clock is needed to tell the two apart.
 */
export async function turnsWhile(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let next = setImmediate(function turn() {
    turns++;
    next = setImmediate(turn);
  });
  await work.catch(() => undefined);
  clearImmediate(next);
  return turns;
}
