import type { Dossier } from '../../model/image.ts';

const OVER_SERIAL = 'flash it over a serial port (protocol serial)';

/**
 * What a person does who wants a package on a device over the air: that takes one application, under its own name and checked as what it is.
 * Encrypted images are none that can be told from anything else, so that they are never named.
 */
export function insteadOfPackage({ package: contents }: Pick<Dossier, 'package'>): string {
  const parts = contents?.sets.flatMap((set) => set.parts) ?? [];
  const applications = new Set(parts.filter(({ kind }) => kind === 'app').map(({ file, name }) => file ?? name));
  if (applications.size === 0) return OVER_SERIAL;
  return `take ${[...applications].join(', ')} out of it and drop that by itself, or ${OVER_SERIAL}`;
}
