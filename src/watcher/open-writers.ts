import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';

/** One look serves all files that are judged at about the same time: each has been quiet for longer than that. */
const LOOK_HOLDS_MS = 40;
/**
 * A look must not hold up the rest: on a machine with very many processes it is a look at the newest of them, as a program that copies a file
 * mostly is. Time of this thread only: on a busy machine a look takes longer and sees as much.
 */
const LONGEST_LOOK_CPU_MS = 25;
/** The owner's write bit of a link in `/proc/PID/fd` says that the file was opened for writing (Linux, proc_pid_fd(5)). */
const OPENED_FOR_WRITING = 0o200;

/**
 * The files that some program holds open for writing. Only Linux tells, and only of the processes that this one may look into:
 * `true` is a reason to wait, `false` proves nothing.
 */
export class OpenWriters {
  readonly #clock: Clock;
  readonly #platform: NodeJS.Platform;
  #held: ReadonlySet<string> = new Set();
  #lookedMs = -Infinity;

  constructor(clock: Clock, platform: NodeJS.Platform = process.platform) {
    this.#clock = clock;
    this.#platform = platform;
  }

  /** `path` is free of links, as `realpath` gives it. */
  hold(path: string): boolean {
    if (this.#platform !== 'linux') return false;
    if (this.#clock.monotonic() - this.#lookedMs > LOOK_HOLDS_MS) {
      this.#held = new Set(this.#look());
      this.#lookedMs = this.#clock.monotonic();
    }
    return this.#held.has(path);
  }

  *#look(): Generator<string> {
    const processes = namesIn('/proc').map(Number).filter(Number.isInteger);
    const endMs = threadCpuMs() + LONGEST_LOOK_CPU_MS;
    for (const pid of processes.toSorted((one, other) => other - one)) {
      if (threadCpuMs() > endMs) return;
      yield* pathsHeldBy(join('/proc', `${pid}`, 'fd'));
    }
  }
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** The first refusal ends the look at a process: it ended meanwhile, or may not be looked into, as most may not. */
function pathsHeldBy(descriptors: string): string[] {
  const paths: string[] = [];
  try {
    for (const descriptor of namesIn(descriptors)) {
      const link = join(descriptors, descriptor);
      const path = readlinkSync(link);
      if (path.startsWith('/') && (lstatSync(link).mode & OPENED_FOR_WRITING) !== 0) paths.push(path);
    }
  } catch {
    return paths;
  }
  return paths;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
