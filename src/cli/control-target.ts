import { userInfo } from 'node:os';
import type { ControlTarget } from '../control/client.ts';
import { socketPath } from '../control/socket-path.ts';
import { FlashError } from '../errors.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import type { CommonOptions } from './command.ts';
import { placeForCommand } from './config-file.ts';
import type { Io } from './io.ts';

/** Options of each command that speaks to the daemon. */
export interface ControlArgs extends CommonOptions {
  readonly config: string;
}

/** Finds the daemon of the config and hands it to a command. Throws CONTROL_DISABLED where the config has no commands. */
export async function withDaemon(
  args: ControlArgs,
  io: Io,
  command: (target: ControlTarget) => Promise<ExitCode>,
): Promise<ExitCode> {
  const place = await placeForCommand(args, io);
  if (place === null) return EXIT.config;
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
