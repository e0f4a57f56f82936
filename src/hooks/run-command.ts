import { spawn } from 'node:child_process';

/** What a program gets of the daemon's environment: not the passwords of the devices, which may stand in it as well. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'SystemRoot', 'TEMP', 'PATHEXT'];

/** Of what it says on stderr, so much is kept for the log. */
const MOST_STDERR = 500;

/** Runs a program with `input` on its stdin. Resolves when it ends with 0; rejects otherwise, or when `signal` is aborted. */
export function runCommand(command: readonly string[], input: string, signal: AbortSignal): Promise<void> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    // A group of its own, so that what it has started goes with it.
    const isPosix = process.platform !== 'win32';
    const child = spawn(program, args, {
      stdio: ['pipe', 'ignore', 'pipe'],
      detached: isPosix,
      windowsHide: true,
      env: Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]])),
    });
    let stderr = '';
    const kill = () => {
      if (child.pid !== undefined && isPosix) killGroup(child.pid);
      else child.kill('SIGKILL');
      child.stderr.destroy();
    };
    signal.addEventListener('abort', kill, { once: true });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-MOST_STDERR);
    });
    // It need not read what it is told.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code, killedBy) => {
      signal.removeEventListener('abort', kill);
      if (code === 0) resolve();
      else reject(new Error(signal.aborted ? 'it took too long' : failureOf(code, killedBy, stderr)));
    });
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself meanwhile.
  }
}

function failureOf(code: number | null, killedBy: NodeJS.Signals | null, stderr: string): string {
  const how = code === null ? `was ended by ${killedBy}` : `ended with ${code}`;
  return `it ${how}${stderr.trim() === '' ? '' : `: ${stderr.trim()}`}`;
}
