import type { ImageKind } from '../model/image.ts';
import type { ImageTarget } from '../model/job.ts';

/** What an image of this kind replaces on a device. */
export function targetOf(kind: ImageKind): ImageTarget {
  switch (kind) {
    case 'app':
      return 'app';
    case 'filesystem':
      return 'filesystem';
    case 'bootloader':
    case 'merged':
    case 'partition-table':
    case 'otadata':
    case 'data':
    case 'package':
      return 'flash';
  }
}
