import { spawnSync } from 'node:child_process';

/**
 * A TCP connection to a port of 127.0.0.1 that is reset as soon as it is made: by another process, while this one stands still and cannot
 * accept it.
 */
export function callAndReset(port: number): void {
  const script = `const s = require('node:net').connect(${port}, '127.0.0.1', () => s.resetAndDestroy())`;
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the call to port ${port} failed: ${stderr}`);
}
