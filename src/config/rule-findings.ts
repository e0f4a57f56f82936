import { FlashError } from '../errors.ts';
import { type DeviceSelector, type FirmwareSelector, PORT_PROTOCOL, type Rule } from '../model/rule.ts';
import type { ServerSettings } from '../model/server.ts';
import type { ProtocolOptions } from './option-schema.ts';
import { type Finding, type KeyPath, quote } from './problem.ts';
import { type ConfigSecret, isConfigSecret } from './secret.ts';

/** A rule that is sound in itself, with its place in the list. Others may have been left out. */
export interface PlacedRule {
  readonly index: number;
  readonly rule: Rule;
}

/** A secret with its place in the file. */
export interface PlacedSecret {
  readonly path: KeyPath;
  readonly secret: ConfigSecret;
}

/** Secrets that cannot be read now. Every job of their rule would fail. */
export function missingSecrets(secrets: readonly PlacedSecret[]): Finding[] {
  return secrets.flatMap(({ path, secret }) => {
    const message = whyMissing(secret);
    return message === null ? [] : [{ path, at: 'value', code: 'CONFIG_SECRET_MISSING', message }];
  });
}

function whyMissing(secret: ConfigSecret): string | null {
  try {
    secret.reveal();
    return null;
  } catch (error) {
    if (error instanceof FlashError) return error.message;
    throw error;
  }
}

/** Secrets in plain text: they work, and everyone who may read the file knows them. */
export function plainSecrets(secrets: readonly PlacedSecret[]): Finding[] {
  return secrets
    .filter(({ secret }) => secret.kind === 'plain')
    .map(({ path }) => {
      const message = 'a secret in plain text; {env: NAME} or {file: PATH} keep it out of this file';
      return { path, at: 'value', code: 'CONFIG_PLAIN_SECRET', message };
    });
}

/** All secrets of the rules and of the servers. */
export function secretsOf(rules: readonly PlacedRule[], servers: ServerSettings | null): PlacedSecret[] {
  const ofRules = rules.flatMap(({ index, rule }) =>
    Object.entries(rule.update.options).map(([option, value]) => ({ path: ['rules', index, 'update', option], value })),
  );
  const ofUsers = (servers?.ftp?.users ?? []).map(({ password: value }, index) => ({
    path: ['servers', 'ftp', 'users', index, 'password'],
    value,
  }));
  return [...ofRules, ...ofUsers].flatMap(({ path, value }) =>
    isConfigSecret(value) ? [{ path, secret: value }] : [],
  );
}

/** Rules that never decide, because an earlier one takes every image and device that they select. */
export function shadowedRules(rules: readonly PlacedRule[]): Finding[] {
  return rules.flatMap(({ index, rule }, position) => {
    const earlier = rules.slice(0, position).find((other) => covers(other.rule, rule));
    if (earlier === undefined) return [];
    const message = `this rule never decides: ${quote(earlier.rule.name)} comes first and selects all that it selects`;
    return [{ path: ['rules', index], at: 'value', code: 'CONFIG_RULE_SHADOWED', message }];
  });
}

const publishes = ({ when }: Rule) => when.kind === 'visit';

/** Errs towards "no": patterns that differ are not compared with one another. */
function covers(wide: Rule, narrow: Rule): boolean {
  if (publishes(wide) || publishes(narrow)) return false;
  if ((wide.update.protocol === PORT_PROTOCOL) !== (narrow.update.protocol === PORT_PROTOCOL)) return false;
  return coversFirmware(wide.firmware, narrow.firmware) && coversDevices(wide.devices, narrow.devices);
}

function coversFirmware(wide: FirmwareSelector, narrow: FirmwareSelector): boolean {
  const patterns = ['file', 'project', 'version'] as const;
  return (
    patterns.every((key) => coversPattern(wide[key], narrow[key])) &&
    coversValue(wide.chip, narrow.chip) &&
    coversValue(wide.kind, narrow.kind) &&
    (asksForKind(wide) || !asksForKind(narrow))
  );
}

/** Filesystem and raw images go only where `kind` or `file` asks for them (model/rule.ts). */
const asksForKind = ({ kind, file }: FirmwareSelector) => kind !== null || file !== null;

function coversDevices(wide: DeviceSelector, narrow: DeviceSelector): boolean {
  const patterns = ['name', 'board', 'service', 'mac', 'usb'] as const;
  return (
    patterns.every((key) => coversPattern(wide[key], narrow[key])) &&
    coversValue(wide.chip, narrow.chip) &&
    coversValue(wide.port, narrow.port) &&
    (wide.address === null || (narrow.address?.every((range) => wide.address?.includes(range)) ?? false)) &&
    (wide.tags === null || wide.tags.every((tag) => narrow.tags?.includes(tag) ?? false))
  );
}

/** `name: "*"` selects every device; of the others, only a present value matches `*`, so equality is asked of them. */
function coversPattern(wide: string | null, narrow: string | null): boolean {
  return wide === null || wide.toLowerCase() === narrow?.toLowerCase() || (wide === '*' && narrow !== null);
}

function coversValue(wide: string | number | null, narrow: string | number | null): boolean {
  return wide === null || wide === narrow;
}

/** Rules that publish: where their options do not go with the servers, and where two of them would use one place. */
export function publishingFindings(
  rules: readonly PlacedRule[],
  servers: ServerSettings,
  protocols: readonly ProtocolOptions[],
): Finding[] {
  const places = new Map<string, string>();
  return rules.flatMap(({ index, rule: { name, update } }): Finding[] => {
    const protocol = protocols.find((candidate) => candidate.name === update.protocol);
    if (protocol?.placeOf === undefined) return [];
    const path: KeyPath = ['rules', index, 'update'];
    const problem = protocol.problemWith?.(update.options, servers) ?? null;
    if (problem !== null) return [{ path, at: 'value', code: 'CONFIG_CONFLICT', message: problem }];
    const place = `${protocol.name} ${protocol.placeOf(update.options)}`;
    const first = places.get(place);
    if (first === undefined) places.set(place, name);
    if (first === undefined) return [];
    const message = `rule ${quote(first)} publishes at ${place} already, where there is room for one`;
    return [{ path, at: 'value', code: 'CONFIG_DUPLICATE', message }];
  });
}
