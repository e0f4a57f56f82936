import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Where a program is on this machine; null: nowhere. Servers stand in sbin, which not every PATH has. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => `${folder}/${name}`).find((path) => existsSync(path)) ?? null;
}

/** Debian's packages are for its own Python, whatever else a PATH has. */
export const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

/** Whether this machine's Python has a module. */
export function hasPythonModule(name: string): boolean {
  return spawnSync(PYTHON, ['-c', `import ${name}`], { stdio: 'ignore' }).status === 0;
}

export interface Ran {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program to its end, with what it is told on stdin. */
export function runProgram(path: string, args: readonly string[], cwd: string, stdin = ''): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { cwd, encoding: 'buffer', timeout: 60_000, maxBuffer: 10_000_000 } as const;
    const child = execFile(path, args, options, (_error, stdout, stderr) =>
      resolve({ exitCode: child.exitCode ?? -1, stdout, stderr: stderr.toString() }),
    );
    child.stdin?.end(stdin);
  });
}
