import * as z from 'zod';
import type { ProtocolOptions } from './option-schema.ts';
import { configSchema } from './schema.ts';
import { DURATION_PATTERN, SIZE_PATTERN } from './units.ts';

/** The parts of a JSON Schema that a config schema uses. */
interface SchemaNode {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
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
  /** What kind of value it takes, in a few words: `duration`, `0–20`, `json, pretty`. */
  readonly type: string;
  readonly description: string;
  readonly isRequired: boolean;
  /** As the config would write it; undefined where the key has none. */
  readonly default: unknown;
  /** The protocol whose option it is, where protocols differ; null: a key of all. */
  readonly protocol: string | null;
}

/** The JSON Schema that editors check and complete a config by. Draft 7, which all of them know. */
export function configJsonSchema(protocols: readonly ProtocolOptions[]): SchemaNode {
  const schema = configSchema({
    protocols,
    cronProblem: () => null,
    timezone: () => 'UTC',
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

/** Every key of the config, in the order of the schema. What the protocols have in common by name only is listed for each of them. */
export function configKeys(schema: SchemaNode): ConfigKey[] {
  const keys = new Map<string, ConfigKey>();
  collect(schema, '', null, keys);
  return [...keys.values()];
}

function collect(node: SchemaNode, path: string, above: string | null, keys: Map<string, ConfigKey>): void {
  const protocol = protocolOf(node) ?? above;
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const childPath = path === '' ? name : `${path}.${name}`;
    const identity = `${childPath} ${protocol}`;
    if (!keys.has(identity)) {
      keys.set(identity, {
        path: childPath,
        type: typeOf(child),
        description: child.description ?? '',
        isRequired: node.required?.includes(name) ?? false,
        default: child.default,
        protocol,
      });
    }
    collect(child, childPath, protocol, keys);
  }
  for (const branch of [...(node.anyOf ?? []), ...(node.oneOf ?? [])]) collect(branch, path, protocol, keys);
  if (node.items !== undefined) collect(node.items, `${path}[]`, protocol, keys);
}

/** Of one alternative of `update:`, by the one word that its `protocol:` takes. */
function protocolOf({ properties }: SchemaNode): string | null {
  const word = properties?.['protocol']?.const;
  return typeof word === 'string' ? word : null;
}

const withoutRepeats = (types: readonly string[]) =>
  types.filter((type, index) => !types.slice(0, index).some((earlier) => earlier.includes(type)));

const WORDS: Readonly<Record<string, string>> = { string: 'text', boolean: 'true, false', object: 'mapping' };

function typeOf(node: SchemaNode): string {
  const branches = [...(node.anyOf ?? []), ...(node.oneOf ?? [])];
  if (branches.length > 0) return withoutRepeats(branches.map(typeOf)).join(' or ');
  if (node.const !== undefined) return String(node.const);
  if (node.enum !== undefined) return node.enum.join(', ');
  if (node.pattern === DURATION_PATTERN.source) return 'duration';
  if (node.pattern === SIZE_PATTERN.source) return 'size';
  if (node.items !== undefined) return `list of ${typeOf(node.items)}`;
  if (node.type === 'integer' || node.type === 'number') return `${node.minimum}–${node.maximum}`;
  return WORDS[node.type ?? ''] ?? '';
}
