import { realpathSync } from 'node:fs';

/**
 * The name that the system's list has for a port: udev's links (`/dev/serial/by-id/…`, `/dev/serial/by-path/…`, names of one's own) lead to
 * it, and macOS has two names for one port. What leads nowhere now, and a port across the network, stays as it is.
 */
export function listedPath(path: string, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'darwin') return path.replace(/^\/dev\/tty\./, '/dev/cu.');
  if (!path.startsWith('/')) return path;
  try {
    // In memory, as all of /dev is.
    return realpathSync(path);
  } catch {
    return path;
  }
}
