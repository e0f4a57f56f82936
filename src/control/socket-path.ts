import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ControlSettings } from '../config/config.ts';

const PIPE = '\\\\.\\pipe\\';

/**
 * The address of the daemon that works on this data folder. Daemon and commands work it out from the same config. Windows listens on
 * pipes only: a path there stands for a pipe that is named after it.
 */
export function socketPath({ socket }: ControlSettings, dataPath: string, platform: NodeJS.Platform): string {
  const path = socket ?? join(dataPath, 'control.sock');
  if (platform !== 'win32' || path.startsWith(PIPE)) return path;
  const mark = createHash('sha256').update(path.toLowerCase()).digest('hex').slice(0, 16);
  return `${PIPE}dropflash-${mark}`;
}
