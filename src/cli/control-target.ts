import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { loadPlace } from '../config/load.ts';
import type { ControlTarget } from '../control/client.ts';
import { socketPath } from '../control/socket-path.ts';
import { FlashError } from '../errors.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import type { CommonOptions } from './command.ts';
import { configEnvironment, readConfig } from './config-file.ts';
import type { Io } from './io.ts';
import { printJson, printLines } from './output.ts';

/** Options of each command that speaks to the daemon. */
export interface ControlArgs extends CommonOptions {
  readonly config: string;
}

/**
 * Finds the daemon of the config and hands it to a command. A config with problems stands in the way of no command: a rollout can be
 * stopped whatever somebody has just written into the file. Throws CONTROL_DISABLED where the config has no commands.
 */
export async function withDaemon(
  args: ControlArgs,
  io: Io,
  command: (target: ControlTarget) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { config, problems } = await readConfig(args.config, io, 'optional');
  const place = config ?? (await loadPlace(resolve(io.cwd, args.config), configEnvironment(io, 'optional')));
  if (place === null) {
    if (args.json) printJson(io, { problems });
    return EXIT.config;
  }
  if (config === null)
    printLines(io.stderr, ['the daemon is asked all the same; it has the config of its last start or reload']);
  if (place.control === false) throw new FlashError('CONTROL_DISABLED', 'the config says "control: false"');
  return command({ socket: socketPath(place.control, place.dataPath, process.platform), user: userName() });
}

/** A user id without a name (in a container) has none to give. */
function userName(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}
