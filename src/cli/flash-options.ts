import { readOptions } from '../config/option-values.ts';
import { type ConfigSecret, isConfigSecret } from '../config/secret.ts';
import { FlashError } from '../errors.ts';
import type { Fields, OptionValues } from '../model/fields.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { Io } from './io.ts';

/** The arguments of a command that set options of a protocol. */
export interface OptionArgs {
  /** `KEY=VALUE` each, in the words of a rule's `update:`. */
  readonly set: readonly string[];
  readonly passwordEnv?: string;
  readonly passwordFile?: string;
}

/** The options of one `flash`, checked by the same schema as those of a rule. Throws USAGE_WRONG, CONFIG_SECRET_MISSING. */
export function flashOptions(protocol: Protocol, args: OptionArgs, io: Io): OptionValues {
  const given = { ...settings(args.set), ...password(protocol.options, args) };
  const { options, problems } = readOptions(protocol.options, given, { variables: io.env, folder: io.cwd });
  if (options === null) throw wrong(`options of ${protocol.name}: ${problems.join('; ')}`);
  for (const [name, value] of Object.entries(options)) if (isConfigSecret(value)) checkSecret(name, value, io);
  return options;
}

/** A password that is not there is known before anything is sent; one in plain sight is warned about. */
function checkSecret(name: string, secret: ConfigSecret, io: Io): void {
  secret.reveal();
  if (secret.kind !== 'plain') return;
  io.stderr.write(`warning: others on this machine can read --set ${name}=…; use --password-env or --password-file\n`);
}

function settings(assignments: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const assignment of assignments) {
    const separator = assignment.indexOf('=');
    // Not repeated: what stands there may be a password.
    if (separator < 1) throw wrong('--set takes KEY=VALUE');
    const key = assignment.slice(0, separator);
    if (key in found) throw wrong(`--set ${key} is given twice`);
    found[key] = assignment.slice(separator + 1);
  }
  return found;
}

function password(fields: Fields, { set, passwordEnv, passwordFile }: OptionArgs): Record<string, unknown> {
  const sources = [
    ...(passwordEnv === undefined ? [] : [{ env: passwordEnv }]),
    ...(passwordFile === undefined ? [] : [{ file: passwordFile }]),
  ];
  const [reference] = sources;
  if (reference === undefined) return {};
  if (sources.length > 1) throw wrong('--password-env and --password-file exclude each other');
  if (fields['password']?.kind !== 'secret') throw wrong('this protocol has no password');
  if (set.some((assignment) => assignment.startsWith('password='))) throw wrong('the password is given twice');
  return { password: reference };
}

function wrong(message: string): FlashError {
  return new FlashError('USAGE_WRONG', message);
}
