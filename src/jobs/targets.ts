import type { Dossier, ImageKind } from '../model/image.ts';
import type { ImageTarget } from '../model/job.ts';
import type { Rule } from '../model/rule.ts';

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

/** What a release is the newest of. Images for different chips, or of different kinds, never supersede one another. */
export function slotOf(rule: Rule, dossier: Dossier): string {
  return `${rule.name}/${targetOf(dossier.kind)}/${dossier.chip ?? 'any'}`;
}
