import { stringify } from 'yaml';
import type { FixedDevice } from '../model/device.ts';
import type { OptionValue } from '../model/fields.ts';
import type { Hook } from '../model/hook.ts';
import type { RolloutSettings, Share } from '../model/rollout.ts';
import { needsVersion, type ReturnCheck, type Rule, type VersionCheck, type When } from '../model/rule.ts';
import type { FtpServerSettings, ServerSettings } from '../model/server.ts';
import type { Trust } from '../model/trust.ts';
import type { Config, LogFile } from './config.ts';
import type { ProtocolOptions } from './option-schema.ts';
import { CONFIG_VERSION } from './schema.ts';
import { isConfigSecret } from './secret.ts';
import { formatDuration, formatSize } from './units.ts';

/**
 * The config as it works, in the words of the file: defaults filled in, paths absolute, secrets as references, plain ones hidden.
 * Written to a file it loads to the same config again, but for secrets in plain text.
 */
export function effectiveConfig(config: Config, protocols: readonly ProtocolOptions[]): Record<string, unknown> {
  const { drop, discovery, limits, control, log } = config;
  return {
    version: CONFIG_VERSION,
    drop: { path: drop.path, settle: formatDuration(drop.settleMs), scan: formatDuration(drop.scanMs) },
    data: config.dataPath,
    keep: { images: forever(config.keep.imagesMs), history: forever(config.keep.historyMs) },
    discovery: { mdns: discovery.mdns, usb: discovery.usb },
    devices: config.devices.map(deviceLine),
    limits: { total: limits.total, 'per-subnet': limits.perSubnet, exclusive: limits.exclusive },
    hooks: config.hooks.map(effectiveHook),
    ...effectiveServers(config.servers),
    ...(config.trust === null ? {} : { trust: effectiveTrust(config.trust) }),
    control: control === false ? false : withoutNulls(control),
    log: { level: log.level, format: log.format, ...(log.file === null ? {} : { file: effectiveLogFile(log.file) }) },
    rules: config.rules.map((rule) => effectiveRule(rule, protocols)),
  };
}

/** {@link effectiveConfig} as YAML, for people. */
export function effectiveConfigText(config: Config, protocols: readonly ProtocolOptions[]): string {
  return stringify(effectiveConfig(config, protocols), { aliasDuplicateObjects: false, lineWidth: 120 });
}

const forever = (keepMs: number | null) => (keepMs === null ? 'forever' : formatDuration(keepMs));

function effectiveHook({ on, call, timeoutMs, retries }: Hook): Record<string, unknown> {
  const target = call.kind === 'run' ? { run: call.command } : { post: call.url };
  return { on, ...target, timeout: formatDuration(timeoutMs), retries };
}

function effectiveTrust({ keys, manifest }: Trust): Record<string, unknown> {
  return { minisign: keys.map(({ text }) => text), ...(manifest === null ? {} : { checksums: manifest }) };
}

function effectiveServers({ ftp, espat }: ServerSettings): Record<string, unknown> {
  const servers = {
    ...(ftp === null ? {} : { ftp: effectiveFtp(ftp) }),
    ...(espat === null ? {} : { espat: withoutNulls(espat) }),
  };
  return Object.keys(servers).length === 0 ? {} : { servers };
}

function effectiveFtp(ftp: FtpServerSettings): Record<string, unknown> {
  const { passivePorts: range, publicAddress, connectionsPerAddress, idleMs, dataIdleMs, users, ...rest } = ftp;
  return withoutNulls({
    ...rest,
    'passive-ports': range && `${range.first}-${range.last}`,
    'public-address': publicAddress,
    'connections-per-address': connectionsPerAddress,
    idle: formatDuration(idleMs),
    'data-idle': formatDuration(dataIdleMs),
    users: users.map(({ name, password }) => ({ name, password: effectiveOption(password, 'secret') })),
  });
}

const effectiveLogFile = ({ path, maxBytes, keep }: LogFile) => ({ path, 'max-size': formatSize(maxBytes), keep });

function effectiveRule(rule: Rule, protocols: readonly ProtocolOptions[]): Record<string, unknown> {
  const { protocol, retries, options } = rule.update;
  const fields = protocols.find(({ name }) => name === protocol)?.options ?? {};
  const publishes = rule.when.kind === 'visit';
  const settings = Object.entries(options).map(([name, value]) => [name, effectiveOption(value, fields[name]?.kind)]);
  return {
    name: rule.name,
    firmware: withoutNulls(rule.firmware),
    ...(publishes ? {} : { devices: withoutNulls(rule.devices) }),
    update: { protocol, ...(publishes ? {} : { retries }), ...Object.fromEntries(settings) },
    when: effectiveWhen(rule.when),
    ...(rule.rollout === null ? {} : { rollout: effectiveRollout(rule.rollout) }),
    verify: {
      proof: rule.verify.proof,
      within: formatDuration(rule.verify.withinMs),
      by: effectiveCheck(rule.verify.check),
      ...(rule.verify.version === null || !needsVersion(rule.verify)
        ? {}
        : { version: effectiveVersion(rule.verify.version) }),
      ...(rule.verify.proof === 'soaked' ? { soak: formatDuration(rule.verify.soakMs) } : {}),
    },
    ...effectiveLine(rule),
    expires: rule.expiresMs === null ? 'never' : formatDuration(rule.expiresMs),
    versions: {
      downgrade: rule.versions.downgrade,
      ladder: rule.versions.ladder,
      within: formatDuration(rule.versions.withinMs),
    },
    allow: rule.allow,
    undo: rule.undo,
  };
}

function effectiveOption(value: OptionValue, kind: string | undefined): unknown {
  if (isConfigSecret(value)) return value.toJSON();
  if (typeof value === 'object' && 'first' in value) return `${value.first}-${value.last}`;
  return kind === 'duration' ? formatDuration(Number(value)) : value;
}

function effectiveWhen(when: When): unknown {
  if (when.kind === 'now' || when.kind === 'attach' || when.kind === 'visit') return when.kind;
  const { timezone, blackouts } = when;
  if (when.kind === 'date') return { at: when.at, timezone, blackouts };
  const { cron, missed, refresh } = when;
  return { cron, for: formatDuration(when.forMs), timezone, blackouts, missed, refresh };
}

/** The settings of a rollout as the config writes them. */
export function effectiveRollout({
  canary,
  waves,
  soakMs,
  stopAt,
  pauseAfter,
}: RolloutSettings): Record<string, unknown> {
  const stop = { failures: stopAt.failures, percent: stopAt.percent === null ? null : `${stopAt.percent}%` };
  return withoutNulls({
    canary: canary?.by === 'count' ? canary.count : (canary?.names ?? null),
    ...(waves.by === 'list'
      ? { waves: waves.sizes.map(effectiveShare) }
      : { ramp: { start: effectiveShare(waves.start), factor: waves.factor } }),
    soak: formatDuration(soakMs),
    'stop-at': withoutNulls(stop),
    'pause-after': pauseAfter,
  });
}

function effectiveShare({ unit, amount }: Share): string | number {
  return unit === 'percent' ? `${amount}%` : amount;
}

function effectiveVersion(version: VersionCheck): Record<string, unknown> {
  const { match } = version;
  switch (version.by) {
    case 'http':
      return withoutNulls({ http: version.url, status: version.status, json: version.json, match });
    case 'mdns':
      return { mdns: version.key, match };
    case 'tcp':
      return { tcp: version.port, match };
  }
}

/** Of a rule that works on plugging in. */
function effectiveLine({ when, line, backup }: Rule): Record<string, unknown> {
  if (when.kind !== 'attach') return {};
  const { again, bootCheck, unitData } = line;
  const { expect, reject, baudRate, withinMs } = bootCheck ?? {};
  return {
    line: {
      again,
      ...(bootCheck === null
        ? {}
        : {
            'boot-check': {
              ...withoutNulls({ expect, reject }),
              baud: baudRate,
              within: formatDuration(withinMs ?? 0),
            },
          }),
      ...(unitData === null ? {} : { 'unit-data': unitData }),
    },
    ...(backup === null ? {} : { backup: { before: true, keep: backup.keep } }),
  };
}

function effectiveCheck(check: ReturnCheck): unknown {
  switch (check.by) {
    case 'tcp':
      return { tcp: check.port };
    case 'http':
      return { http: check.url, status: check.status };
    default:
      return check.by;
  }
}

function withoutNulls<Holder extends object>(holder: Holder): Record<string, unknown> {
  return Object.fromEntries(Object.entries(holder).filter(([, value]) => value !== null));
}

function deviceLine({ tryEveryMs, ...entry }: FixedDevice) {
  const known = withoutNulls(entry);
  return tryEveryMs === undefined ? known : { ...known, 'try-every': formatDuration(tryEveryMs) };
}
