import * as z from 'zod';
import type { Field, Fields, OptionValues } from '../model/fields.ts';
import type { ReturnCheck, VersionPlace } from '../model/rule.ts';
import type { ServerSettings } from '../model/server.ts';
import { type ConfigSecret, openSecret, type SecretPlaces } from './secret.ts';
import { formatDuration } from './units.ts';
import { duration, oneOf, oneOfMessage, portRange, refuse, text, wholeNumber, yesOrNo } from './values.ts';

/** What a protocol says of itself to the config. */
export interface ProtocolOptions {
  readonly name: string;
  readonly summary: string;
  readonly options: Fields;
  /** Only of a protocol whose devices fetch by themselves: where a rule with these options publishes. */
  placeOf?(options: OptionValues): string;
  /** What is wrong with such options beside these servers; null: nothing. */
  problemWith?(options: OptionValues, servers: ServerSettings): string | null;
  /** What its devices show of themselves to everybody, with these options; a rule's `verify` has it as its default. */
  signs?(options: OptionValues): {
    readonly returnBy: ReturnCheck;
    readonly version: VersionPlace;
    readonly settledAfterMs: number;
  } | null;
}

/** The schema of each option of a protocol, by its name, defaults and doc sentence included. */
export function optionShape(fields: Fields, places: SecretPlaces): z.core.$ZodLooseShape {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, fieldSchema(field, places).describe(field.doc)]),
  );
}

function fieldSchema(field: Field, places: SecretPlaces): z.ZodType {
  switch (field.kind) {
    case 'integer':
      return wholeNumber(field.min, field.max, field.unit).default(field.default);
    case 'duration':
      return duration(field.minMs, field.maxMs).prefault(formatDuration(field.defaultMs));
    case 'boolean':
      return yesOrNo().default(field.default);
    case 'choice':
      return choice(field.values).prefault(field.default);
    case 'text':
      return field.default === null ? checkedText(field).optional() : checkedText(field).default(field.default);
    case 'secret':
      return secret(places).optional();
    case 'port-range':
      return field.default === null
        ? portRange().optional()
        : portRange().prefault(`${field.default.first}-${field.default.last}`);
  }
}

function checkedText({ check }: Extract<Field, { kind: 'text' }>): z.ZodType<string> {
  if (check === undefined) return text('text');
  return text('text').superRefine((value, context) => {
    const expected = check(value);
    if (expected !== null) refuse(context, `expected ${expected}, found "${value}"`);
  });
}

/** YAML reads `chunk: 4096` as a number; where the values are numbers by their look, that is meant. */
function choice(values: readonly string[]): z.ZodType<string, string | number> {
  const [first, ...others] = values.map(Number).filter((value) => values.includes(String(value)));
  if (first === undefined) return oneOf(values);
  const numbers = z.literal([first, ...others]).transform(String);
  return z.union([oneOf(values), numbers], { error: oneOfMessage(values) });
}

const VARIABLE_NAME = /^[A-Za-z_]\w*$/;

/** Its messages never repeat what was found: that may be the password. */
export function secret(places: SecretPlaces): z.ZodType<ConfigSecret> {
  const what = { error: 'expected {env: NAME}, {file: PATH} or a text in quotes' };
  const variable = { error: 'expected the name of an environment variable: letters, digits and _' };
  const file = { error: 'expected the path of a file' };
  const either = 'expected either {env: NAME} or {file: PATH}';
  // Not a strict object: its complaint would print the unknown key, and {hunter2} is a key in YAML.
  const named = z
    .looseObject(
      {
        env: z
          .string(variable)
          .regex(VARIABLE_NAME, variable)
          .optional()
          .describe('The environment variable that holds it.'),
        file: z
          .string(file)
          .min(1, file)
          .optional()
          .describe(
            'The file that holds it, without its last newline; relative to $CREDENTIALS_DIRECTORY where systemd sets ' +
              'it, else to the config file.',
          ),
      },
      what,
    )
    .meta({ additionalProperties: false })
    .transform((reference, context) => {
      const { env, file, ...others } = reference;
      if (Object.keys(others).length > 0) return refuse(context, either);
      if (env !== undefined && file === undefined) return openSecret({ kind: 'env', name: env }, places);
      if (file !== undefined && env === undefined) return openSecret({ kind: 'file', path: file }, places);
      return refuse(context, either);
    });
  const plain = z
    .string(what)
    .min(1, what)
    .transform((value) => openSecret({ kind: 'plain', text: value }, places));
  return z.union([plain, named], what);
}
