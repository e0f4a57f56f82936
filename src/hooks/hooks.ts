import { type Clock, sleep } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Hook } from '../model/hook.ts';
import type { Part } from '../service/lifecycle.ts';
import { HookRefused, post } from './post.ts';
import { runCommand } from './run-command.ts';

/** An event as hooks get it: what the log says, with time and level. */
export interface Happening {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** What hooks are fed from; `createDaemon` gives it. */
export interface HookParts {
  /** As the config has them now. */
  readonly hooks: () => readonly Hook[];
  /** Hands each event to the listener until the function that it returns is called. */
  readonly subscribe: (listener: (happening: Happening) => void) => () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** So many programs and requests at once. */
const AT_ONCE = 4;
/** What waits for its turn; a thousand devices that fail at once are no reason to run out of memory. */
const MOST_WAITING = 1_000;
/** A stop waits for hooks no longer than this. */
const LAST_CALLS_MS = 3_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

interface Call {
  readonly hook: Hook;
  readonly event: string;
  readonly body: string;
}

/** Calls the hooks of each event. A hook that fails, hangs or floods harms nothing: it is tried again, logged, and given up. */
export class Hooks {
  readonly #parts: HookParts;
  readonly #stopping = new AbortController();
  readonly #waiting: Call[] = [];
  readonly #running = new Set<Promise<void>>();
  #unsubscribe: () => void = () => undefined;
  #dropped = 0;

  constructor(parts: HookParts) {
    this.#parts = parts;
  }

  /** Starts before what it is to tell of, and stops after it. */
  part(): Part {
    return {
      name: 'hooks',
      start: async () => {
        this.#unsubscribe = this.#parts.subscribe((happening) => this.#hear(happening));
      },
      stop: async () => {
        this.#unsubscribe();
        const idle = this.#untilIdle();
        await Promise.race([idle, sleep(this.#parts.clock, LAST_CALLS_MS)]);
        this.#waiting.length = 0;
        this.#stopping.abort();
        await idle;
      },
    };
  }

  async #untilIdle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #hear(happening: Happening): void {
    for (const hook of this.#parts.hooks()) {
      if (!hook.on.some((event) => event === happening.event)) continue;
      if (this.#waiting.length >= MOST_WAITING) this.#drop();
      else this.#waiting.push({ hook, event: happening.event, body: `${JSON.stringify(happening)}\n` });
    }
    this.#next();
  }

  #drop(): void {
    this.#dropped += 1;
    const message = `${MOST_WAITING} calls of hooks are waiting; ${this.#dropped} were given up so far`;
    this.#parts.log.warn('hook.dropped', { ...new FlashError('HOOK_FAILED', message).toJSON() });
  }

  #next(): void {
    while (this.#running.size < AT_ONCE) {
      const call = this.#waiting.shift();
      if (call === undefined) return;
      const run = this.#make(call).finally(() => {
        this.#running.delete(run);
        this.#next();
      });
      this.#running.add(run);
    }
  }

  async #make({ hook, event, body }: Call): Promise<void> {
    const { clock, log } = this.#parts;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#try(hook, body);
        log.debug('hook.called', { hook: nameOf(hook), on: event, attempt });
        return;
      } catch (error) {
        const isLast = attempt > hook.retries || error instanceof HookRefused || this.#stopping.signal.aborted;
        this.#tell(hook, event, attempt, error, isLast);
        if (isLast) return;
      }
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
      await sleep(clock, pauseMs, this.#stopping.signal).catch(() => undefined);
    }
  }

  #try({ call, timeoutMs }: Hook, body: string): Promise<void> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(timeoutMs)]);
    return call.kind === 'run' ? runCommand(call.command, body, signal) : post(call.url, body, signal);
  }

  #tell(hook: Hook, on: string, attempt: number, cause: unknown, isLast: boolean): void {
    const why = cause instanceof Error ? cause.message : String(cause);
    const error = new FlashError('HOOK_FAILED', `hook ${nameOf(hook)} failed in try ${attempt}: ${why}`, { cause });
    const fields = { hook: nameOf(hook), on, attempt, ...error.toJSON() };
    if (isLast) this.#parts.log.error('hook.failed', fields);
    else this.#parts.log.debug('hook.retry', fields);
  }
}

/** The program, or the host: a path or a query may hold a token. */
function nameOf({ call }: Hook): string {
  return call.kind === 'run' ? (call.command[0] ?? '') : new URL(call.url).host;
}
