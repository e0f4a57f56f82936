import { Writable } from 'node:stream';

/**
 * A stream in front of stdout that outlives it: when the reader goes away (EPIPE: `| head`, a restarted journald) the text is
 * discarded and the daemon goes on. One chunk at a time is handed on, so that `writableLength` says how much is waiting.
 * Ending it leaves `target` open.
 */
export function tolerantStream(target: Writable): Writable {
  let isBroken = false;
  const giveUp = () => {
    isBroken = true;
  };
  // Stays attached for good: stdout may report the same loss again, and an error without a listener ends the process.
  target.on('error', giveUp);
  return new Writable({
    decodeStrings: false,
    write(chunk, encoding, done) {
      if (isBroken || target.destroyed) return done();
      target.write(chunk, encoding, (error) => {
        if (error) giveUp();
        done();
      });
    },
  });
}
