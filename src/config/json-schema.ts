import * as z from 'zod';
import type { ProtocolOptions } from './option-schema.ts';
import { configSchema } from './schema.ts';

/** The parts of a JSON Schema that a config schema uses. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly required?: readonly string[];
  readonly description?: string;
  readonly default?: unknown;
}

/** One key the config may have. */
export interface ConfigKey {
  /** `rules[].update.retries`; `[]` stands for any index. */
  readonly path: string;
  readonly description: string;
  readonly isRequired: boolean;
  /** As the config would write it; undefined where the key has none. */
  readonly default: unknown;
}

/** The JSON Schema that editors check and complete a config by. Draft 7, which all of them know. */
export function configJsonSchema(protocols: readonly ProtocolOptions[]): SchemaNode {
  const schema = configSchema({
    protocols,
    cronProblem: () => null,
    timezone: 'UTC',
    resolvePath: (path) => path,
    secrets: { variables: {}, folder: '.' },
  });
  const body = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
  return {
    ...body,
    title: 'dropflash config',
    description: 'Which firmware goes to which devices, and how.',
  } as SchemaNode;
}

/** Every key of the config, in the order of the schema. A key of several protocols is listed once. */
export function configKeys(schema: SchemaNode): ConfigKey[] {
  const keys = new Map<string, ConfigKey>();
  collect(schema, '', keys);
  return [...keys.values()];
}

function collect(node: SchemaNode, path: string, keys: Map<string, ConfigKey>): void {
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const childPath = path === '' ? name : `${path}.${name}`;
    if (!keys.has(childPath)) {
      keys.set(childPath, {
        path: childPath,
        description: child.description ?? '',
        isRequired: node.required?.includes(name) ?? false,
        default: child.default,
      });
    }
    collect(child, childPath, keys);
  }
  for (const branch of [...(node.anyOf ?? []), ...(node.oneOf ?? [])]) collect(branch, path, keys);
  if (node.items !== undefined) collect(node.items, `${path}[]`, keys);
}
