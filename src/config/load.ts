import { dirname, resolve } from 'node:path';
import type * as z from 'zod';
import type { Config } from './config.ts';
import { configJsonSchema, configKeys } from './json-schema.ts';
import { meaningFindings } from './meaning.ts';
import type { ProtocolOptions } from './option-schema.ts';
import { type ConfigProblem, type Finding, formatPath } from './problem.ts';
import {
  missingSecrets,
  type PlacedRule,
  plainSecrets,
  publishingFindings,
  secretsOf,
  shadowedRules,
} from './rule-findings.ts';
import { ruleSchema } from './rule-schema.ts';
import { CONFIG_VERSION, configSchema, placeSchema, type SchemaContext } from './schema.ts';
import { secretPlaces } from './secret.ts';
import { shapeFindings } from './shape.ts';
import { readSource } from './source-file.ts';
import { parseYaml } from './yaml-source.ts';

/** What a config may refer to and what it is read with: nothing is taken from the process by itself. */
export interface ConfigEnvironment {
  readonly protocols: readonly ProtocolOptions[];
  /** What is wrong with a cron expression, in a few words, or null. */
  readonly cronProblem: (expression: string) => string | null;
  /** IANA name of the machine's zone, for maintenance windows that name none. */
  readonly timezone: () => string;
  /** Environment variables, for `{env: NAME}` and $CREDENTIALS_DIRECTORY. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /**
   * `required`: a secret that cannot be read is a problem, since its jobs would fail. `optional`: it is a warning, for commands
   * that send nothing and may run as someone who has no access to it.
   */
  readonly secrets: 'required' | 'optional';
}

/** `config` is null exactly when there are problems. Warnings may stand beside either. */
export type ConfigResult = { readonly warnings: readonly ConfigProblem[] } & (
  | { readonly config: Config; readonly problems: readonly [] }
  | { readonly config: null; readonly problems: readonly ConfigProblem[] }
);

/**
 * Reads and checks a config file. Changes nothing, so that it can be called again for a reload. Whatever is wrong with the file is
 * a problem of the result; nothing is thrown.
 */
export async function loadConfig(file: string, environment: ConfigEnvironment): Promise<ConfigResult> {
  const source = await readSource(file);
  if ('text' in source) return parseConfig(source.text, file, environment);
  return { config: null, problems: [source.problem], warnings: [] };
}

/** The same for text in hand. `file` names it in messages, and its folder is what relative paths start from. */
export function parseConfig(text: string, file: string, environment: ConfigEnvironment): ConfigResult {
  const yaml = parseYaml(text.replace(/^\uFEFF/, ''));
  const place = ({ path, at, code, message }: Finding): ConfigProblem => {
    return { file, ...yaml.locate(path, at), path: formatPath(path), code, message };
  };
  const syntax = yaml.problems.map((problem): ConfigProblem => ({ ...problem, file, path: '' }));
  if (yaml.value === undefined) return { config: null, problems: syntax, warnings: [] };
  const judged = judge(yaml.value, file, environment);
  const problems = [...syntax, ...judged.problems.map(place)].sort(byPlace);
  const warnings = judged.warnings.map(place).sort(byPlace);
  if (judged.config === null || problems.length > 0) return { config: null, problems, warnings };
  return { config: deepFreeze(judged.config), problems: [], warnings };
}

/**
 * Where the daemon of a config is found, for commands to one that runs: it goes on with the config that it has while somebody is editing
 * the file. Null where the file does not say it.
 */
export async function loadPlace(
  file: string,
  environment: ConfigEnvironment,
): Promise<Pick<Config, 'dataPath' | 'control'> | null> {
  const source = await readSource(file);
  if (!('text' in source)) return null;
  const { value } = parseYaml(source.text.replace(/^\uFEFF/, ''));
  const place = placeSchema(contextOf(file, environment)).safeParse(value);
  return place.success ? place.data : null;
}

interface Judgement {
  readonly config: Config | null;
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
}

function judge(value: unknown, file: string, environment: ConfigEnvironment): Judgement {
  const version = versionFinding(value);
  if (version !== null) return { config: null, problems: [version], warnings: [] };
  const context = contextOf(file, environment);
  const shape = configSchema(context).safeParse(value);
  const rules = soundRules(value, shape, context);
  const secrets = secretsOf(rules, shape.success ? shape.data.servers : null);
  const missing = missingSecrets(secrets);
  const isMissingFatal = environment.secrets === 'required';
  const problems = [
    ...(shape.success ? [] : shapeFindings(shape.error, value, knownPaths(environment))),
    ...meaningFindings(value, file, context.resolvePath),
    ...(shape.success ? publishingFindings(rules, shape.data.servers, context.protocols) : []),
    ...(isMissingFatal ? missing : []),
  ];
  const warnings = [...plainSecrets(secrets), ...shadowedRules(rules), ...(isMissingFatal ? [] : missing)];
  return { config: shape.success ? shape.data : null, problems, warnings };
}

function contextOf(file: string, environment: ConfigEnvironment): SchemaContext {
  const folder = dirname(resolve(file));
  return {
    protocols: environment.protocols,
    cronProblem: environment.cronProblem,
    timezone: environment.timezone,
    resolvePath: (path) => resolve(folder, path),
    secrets: secretPlaces(file, environment.variables),
  };
}

/** A file of another version is not judged by the words of this one. */
function versionFinding(value: unknown): Finding | null {
  const version = typeof value === 'object' && value !== null && 'version' in value ? value.version : undefined;
  if (typeof version !== 'number' || version === CONFIG_VERSION) return null;
  const message = `this file is of version ${version}; this dropflash reads version ${CONFIG_VERSION}`;
  return { path: ['version'], at: 'value', code: 'CONFIG_WRONG_VERSION', message };
}

/** Rules are looked at one by one when something else is wrong, so that all problems come at once. */
function soundRules(value: unknown, shape: z.ZodSafeParseResult<Config>, context: SchemaContext): PlacedRule[] {
  if (shape.success) return shape.data.rules.map((rule, index) => ({ index, rule }));
  const given = typeof value === 'object' && value !== null && 'rules' in value ? value.rules : undefined;
  if (!Array.isArray(given)) return [];
  const schema = ruleSchema(context);
  return given.flatMap((candidate: unknown, index) => {
    const result = schema.safeParse(candidate);
    return result.success ? [{ index, rule: result.data }] : [];
  });
}

const knownPaths = ({ protocols }: ConfigEnvironment) =>
  configKeys(configJsonSchema(protocols)).map(({ path }) => path);

const byPlace = (left: ConfigProblem, right: ConfigProblem) => left.line - right.line || left.column - right.column;

/** Secrets keep their closures and are frozen like the rest. */
function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
