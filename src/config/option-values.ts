import * as z from 'zod';
import type { Field, Fields, OptionValues } from '../model/fields.ts';
import { optionShape } from './option-schema.ts';
import { formatPath } from './problem.ts';
import type { SecretPlaces } from './secret.ts';
import { shapeFindings } from './shape.ts';

/** `options` is null exactly when there are problems. */
export type OptionsResult =
  | { readonly options: OptionValues; readonly problems: readonly [] }
  | { readonly options: null; readonly problems: readonly string[] };

/**
 * Options of a protocol that come from a command line instead of a config, checked by the same schema. Text is read as the kind that
 * the option has, so `--set retries=3` is a number; values that are no text, such as `{env: NAME}`, are taken as they are.
 */
export function readOptions(
  fields: Fields,
  given: Readonly<Record<string, unknown>>,
  places: SecretPlaces,
): OptionsResult {
  const entries = Object.entries(given).map(([name, value]) => [name, readAs(fields[name], value)]);
  const values: unknown = Object.fromEntries(entries);
  const result = z.strictObject(optionShape(fields, places)).safeParse(values);
  // The shape is made of the fields, and each kind of field yields an option value.
  if (result.success) return { options: result.data as OptionValues, problems: [] };
  const findings = shapeFindings(result.error, values, Object.keys(fields));
  return { options: null, problems: findings.map(({ path, message }) => `${formatPath(path)}: ${message}`) };
}

function readAs(field: Field | undefined, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  switch (field?.kind) {
    case 'integer':
    case 'port-range':
      return /^-?\d+$/.test(value) ? Number(value) : value;
    case 'boolean':
      return value === 'true' || (value === 'false' ? false : value);
    default:
      return value;
  }
}
