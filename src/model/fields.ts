/**
 * One option that a rule's `update:` may set for a protocol. The protocol describes it once; the config schema, the JSON
 * Schema for editors, `--set KEY=VALUE` and `--help` are made from this description.
 */
export type Field = { readonly doc: string } & (
  | {
      readonly kind: 'integer';
      readonly min: number;
      readonly max: number;
      readonly default: number;
      readonly unit?: string;
    }
  | { readonly kind: 'duration'; readonly minMs: number; readonly maxMs: number; readonly defaultMs: number }
  | { readonly kind: 'boolean'; readonly default: boolean }
  | { readonly kind: 'choice'; readonly values: readonly string[]; readonly default: string }
  | {
      readonly kind: 'text';
      readonly default: string | null;
      /** What is wrong with a text, as an ending of "expected …"; null: nothing. */
      readonly check?: (text: string) => string | null;
    }
  /** A password: `{env: NAME}`, `{file: PATH}` or, with a warning, plain text. The value is a {@link Secret}. */
  | { readonly kind: 'secret' }
  /** `8266` or `"40000-40099"`; null lets the system choose. The value is a {@link PortRange}. */
  | { readonly kind: 'port-range'; readonly default: PortRange | null }
);

/** By the name that a rule writes. */
export type Fields = Readonly<Record<string, Field>>;

/** Inclusive. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A secret where the config names it: resolved as late as possible, and never printed. */
export interface Secret {
  /** Where it comes from, for messages: `env SENSOR_OTA_PASSWORD`, `file /run/credentials/…`, `plain text`. */
  readonly source: string;
  /** Reads it now. Throws CONFIG_SECRET_MISSING when the variable or file is not there. */
  reveal(): string;
}

/** Checked values by field name; durations in milliseconds. A missing optional field is absent. */
export type OptionValues = Readonly<Record<string, OptionValue>>;

/** What is left of an option when it was read: durations are milliseconds. */
export type OptionValue = number | boolean | string | PortRange | Secret;
