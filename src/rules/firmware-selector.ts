import { basename } from 'node:path';
import type { Dossier, ImageKind, StoredImage } from '../model/image.ts';
import type { FirmwareSelector } from '../model/rule.ts';
import { compileGlob } from './glob.ts';

/** Why a rule's `firmware:` does not accept an image, with the values; null: it does. */
export type FirmwareMiss = (image: StoredImage) => string | null;

/**
 * Images that carry no chip and no name inside. A rule gets them only where a person says so by `kind` or by a file name, so that
 * `firmware: {}` never puts a filesystem where an application was meant.
 */
const ON_REQUEST: ReadonlySet<ImageKind> = new Set(['filesystem', 'data']);

/** The check of a `firmware:` selector. A selector without fields accepts every image that is not {@link ON_REQUEST}. */
export function compileFirmwareSelector(selector: FirmwareSelector): FirmwareMiss {
  const fields = [
    kindMiss(selector),
    chipMiss(selector.chip),
    globMiss(selector.file, 'file name', (image) => basename(image.name)),
    globMiss(selector.project, 'project', ({ dossier }) => appField(dossier, 'project')),
    globMiss(selector.version, 'version', ({ dossier }) => appField(dossier, 'version')),
  ];
  return (image) => {
    for (const field of fields) {
      const reason = field(image);
      if (reason !== null) return reason;
    }
    return null;
  };
}

function kindMiss({ kind, file }: FirmwareSelector): FirmwareMiss {
  return ({ dossier }) => {
    if (kind !== null) return dossier.kind === kind ? null : `image kind ${dossier.kind} is not ${kind}`;
    if (file === null && ON_REQUEST.has(dossier.kind))
      return `a ${dossier.kind} image needs "kind: ${dossier.kind}" or a file pattern in the rule`;
    return null;
  };
}

function chipMiss(chip: FirmwareSelector['chip']): FirmwareMiss {
  return ({ dossier }) => {
    if (chip === null || dossier.chip === chip) return null;
    return dossier.chip === null
      ? `image names no chip, ${chip} is asked for`
      : `image chip ${dossier.chip} is not ${chip}`;
  };
}

function globMiss(pattern: string | null, what: string, read: (image: StoredImage) => string | null): FirmwareMiss {
  if (pattern === null) return () => null;
  const matches = compileGlob(pattern);
  return (image) => {
    const value = read(image);
    if (value === null) return `image names no ${what}, ${JSON.stringify(pattern)} is asked for`;
    if (matches(value.toLowerCase())) return null;
    return `${what} ${JSON.stringify(value)} does not match ${JSON.stringify(pattern)}`;
  };
}

/** MicroPython says its version and its board; what its build leaves in the description is not about it. */
function appField({ app, micropython }: Dossier, field: 'project' | 'version'): string | null {
  const own = micropython && { project: micropython.board, version: micropython.version }[field];
  const value = own || (app?.[field] ?? '');
  return value === '' ? null : value;
}
