import { Writable } from 'node:stream';
import type { Io, Output } from '../../../src/cli/io.ts';
import { runProgram } from '../../../src/cli/program.ts';

/** An {@link Io} whose outputs can be read, with signals that a test gives. */
export interface RecordedIo {
  readonly io: Io;
  readonly out: () => string;
  readonly err: () => string;
  readonly stop: () => void;
  readonly insist: () => void;
}

export interface IoSetup {
  readonly env?: Io['env'];
  readonly cwd?: string;
  readonly isTerminal?: boolean;
}

export function recordedIo({ env = {}, cwd = '/', isTerminal = false }: IoSetup = {}): RecordedIo {
  const [out, err] = [recorder(isTerminal), recorder(isTerminal)];
  const [stop, insist] = [new AbortController(), new AbortController()];
  const signals = {
    stop: stop.signal,
    insist: insist.signal,
    onReload: () => undefined,
    release: () => undefined,
  };
  return {
    io: { stdout: out.output, stderr: err.output, env, pid: process.pid, cwd, signals },
    out: out.text,
    err: err.text,
    stop: () => stop.abort(),
    insist: () => insist.abort(),
  };
}

function recorder(isTTY: boolean): { readonly output: Output; readonly text: () => string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      chunks.push(String(chunk));
      done();
    },
  });
  return { output: Object.assign(stream, { isTTY, columns: 80 }), text: () => chunks.join('') };
}

/** Runs `dropflash` with these arguments in this process. */
export async function dropflash(args: readonly string[], setup: IoSetup = {}) {
  const recorded = recordedIo(setup);
  const exitCode = await runProgram(args, recorded.io);
  return { exitCode, out: recorded.out(), err: recorded.err(), json: () => JSON.parse(recorded.out()) };
}
