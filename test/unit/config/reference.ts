import { type ConfigKey, configJsonSchema, configKeys } from '../../../src/config/json-schema.ts';
import { RULE_PROTOCOLS } from '../../../src/protocols/registry.ts';

/** The JSON Schema of this build, as `config.schema.json` has it. */
export function schemaFileText(): string {
  return `${JSON.stringify(configJsonSchema(RULE_PROTOCOLS), null, 2)}\n`;
}

/** Every key of this build. */
export function allKeys(): ConfigKey[] {
  return configKeys(configJsonSchema(RULE_PROTOCOLS));
}

/** The row of docs/config.md that tells of `key`. */
export function referenceRow({ path, type, isRequired, default: value, description }: ConfigKey): string {
  const written = value === undefined ? '–' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
  const preset = isRequired ? 'required' : written.replace('`{}`', '–');
  return `| \`${path}\` | ${type} | ${preset} | ${description.replaceAll('|', '\\|')} |`;
}
