import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { FlashError } from '../errors.ts';
import type { Secret } from '../model/fields.ts';

/** A secret as the config writes it. */
export type SecretReference =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'plain'; readonly text: string };

/** A {@link Secret} that can say where it comes from, in the words of the config. */
export interface ConfigSecret extends Secret {
  readonly kind: SecretReference['kind'];
  /** `{env: NAME}`, `{file: PATH}` or `(hidden)`: this is all that `JSON.stringify` ever shows. */
  toJSON(): { readonly env: string } | { readonly file: string } | typeof HIDDEN;
}

const HIDDEN = '(hidden)';

/** Where secrets are looked up. */
export interface SecretPlaces {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Relative files stand in systemd's credentials folder where there is one, else beside the config. */
  readonly folder: string;
}

/** systemd, "System and Service Credentials": the folder is named by $CREDENTIALS_DIRECTORY. */
export function secretPlaces(configFile: string, variables: SecretPlaces['variables']): SecretPlaces {
  return { variables, folder: variables['CREDENTIALS_DIRECTORY'] || dirname(resolve(configFile)) };
}

/** The value stays inside closures: neither `util.inspect` nor `JSON.stringify` can reach it. */
export function openSecret(reference: SecretReference, places: SecretPlaces): ConfigSecret {
  switch (reference.kind) {
    case 'env':
      return {
        kind: 'env',
        source: `env ${reference.name}`,
        reveal: () => nonEmpty(places.variables[reference.name], `environment variable ${reference.name}`),
        toJSON: () => ({ env: reference.name }),
      };
    case 'file': {
      const path = resolve(places.folder, reference.path);
      return {
        kind: 'file',
        source: `file ${path}`,
        reveal: () => nonEmpty(readSecretFile(path), `secret file ${path}`),
        toJSON: () => ({ file: reference.path }),
      };
    }
    case 'plain':
      return { kind: 'plain', source: 'plain text', reveal: () => reference.text, toJSON: () => HIDDEN };
  }
}

/** Options hold secrets among other values; only this module makes secrets with a `kind`. */
export function isConfigSecret(value: unknown): value is ConfigSecret {
  return typeof value === 'object' && value !== null && 'reveal' in value && 'toJSON' in value;
}

/** Editors end a file with a newline that is no part of the password; a second one is. */
function readSecretFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new FlashError('CONFIG_SECRET_MISSING', `secret file ${path} cannot be read (${reason})`, { cause });
  }
}

function nonEmpty(value: string | undefined, what: string): string {
  if (value === undefined) throw new FlashError('CONFIG_SECRET_MISSING', `${what} is not set`);
  if (value === '') throw new FlashError('CONFIG_SECRET_MISSING', `${what} is empty`);
  return value;
}
