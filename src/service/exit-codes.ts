import type { ErrorCode } from '../errors.ts';
import { FlashError } from '../errors.ts';

/** What a command's exit code says. systemd/dropflash.service and windows/dropflash.xml know these numbers. */
export const EXIT = {
  /** Done, or stopped when asked to. */
  done: 0,
  /** The work failed, or the daemon crashed: a restart may help. */
  failed: 1,
  /** Wrong usage of the command line: a restart meets the same answer. */
  usage: 2,
  /** The daemon could not stop cleanly in time (`EX_SOFTWARE` of BSD sysexits.h). */
  notStopped: 70,
  /** The config is wrong: a restart meets the same answer (`EX_CONFIG` of BSD sysexits.h). */
  config: 78,
} as const;

/** One of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The exit code for an error that ends a command. */
export function exitCodeFor(error: unknown): ExitCode {
  if (!(error instanceof FlashError)) return EXIT.failed;
  return exitCodeOfArea(error.code);
}

function exitCodeOfArea(code: ErrorCode): ExitCode {
  if (code.startsWith('CONFIG_')) return EXIT.config;
  if (code.startsWith('USAGE_')) return EXIT.usage;
  return EXIT.failed;
}
