import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The integration tests run what users run, the compiled daemon: build it once, before any test file starts. */
export function setup(): void {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
  execFileSync(process.execPath, [tsc, '--project', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
}
