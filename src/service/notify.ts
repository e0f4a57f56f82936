import { type ExecFileException, execFile } from 'node:child_process';
import { type Clock, sleep } from '../clock.ts';
import type { Logger } from '../log.ts';

/** What the daemon tells its service manager. Every call is safe at any time and never throws; none waits for the manager. */
export interface ServiceNotifier {
  /** Started: called when the first scan and the first round of discovery are done. Starts the watchdog. */
  ready(status: string): void;
  /** A reload begins; {@link ready} tells its end. */
  reloading(): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  stopping(): void;
  /** Resolves when everything said so far has been delivered or given up, and ends the watchdog. */
  close(): Promise<void>;
}

/** What the notifier needs of its process. */
export interface NotifySurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Does the job loop still turn? While it does not, the watchdog is not fed, and systemd restarts the daemon. */
  readonly isAlive: () => boolean;
}

const SILENT: ServiceNotifier = {
  ready: () => undefined,
  reloading: () => undefined,
  status: () => undefined,
  stopping: () => undefined,
  close: () => Promise.resolve(),
};

/** systemd-notify waits until systemd has taken the message; a manager that hangs must not hang us. */
const DELIVERY_TIMEOUT_MS = 5_000;

/**
 * The sd_notify protocol (sd_notify(3)), or a no-op where no service manager listens. Node has no unix datagram sockets, so the
 * messages go through `systemd-notify`, which is part of systemd itself; the unit says NotifyAccess=all for it.
 * (docs/decisions/0011-sd-notify.md)
 */
export function createNotifier(around: NotifySurroundings): ServiceNotifier {
  if (!around.env['NOTIFY_SOCKET']) return SILENT;
  const { clock, env } = around;
  const watchdogMs = watchdogPeriodMs(env, around.pid);
  const closed = new AbortController();
  let deliveries: Promise<void> = Promise.resolve();
  let watchdog: Promise<void> | null = null;
  let isMissing = false;

  function send(...assignments: string[]): Promise<void> {
    deliveries = deliveries.then(() => sendNow(assignments));
    return deliveries;
  }

  async function sendNow(assignments: readonly string[]): Promise<void> {
    if (isMissing) return;
    const error = await deliver(assignments, env);
    if (error === null) return;
    // A container may pass the socket on without the program; saying so once is enough.
    isMissing = error.code === 'ENOENT';
    around.log.warn('service.notify-failed', { message: assignments[0], error });
  }

  /** Waits for each delivery, so that a manager that hangs never makes a queue. */
  async function feedWatchdog(everyMs: number): Promise<void> {
    while (!closed.signal.aborted) {
      await sleep(clock, everyMs, closed.signal).catch(() => undefined);
      if (closed.signal.aborted) return;
      if (around.isAlive()) await send('WATCHDOG=1');
      else around.log.error('service.watchdog-held', { everyMs });
    }
  }

  const say = (...assignments: string[]) => {
    if (!closed.signal.aborted) void send(...assignments);
  };
  return {
    ready: (status) => {
      say('READY=1', `STATUS=${oneLine(status)}`);
      if (watchdogMs !== null) watchdog ??= feedWatchdog(watchdogMs / 2);
    },
    // MONOTONIC_USEC is asked for since systemd 253 (Type=notify-reload); older ones ignore it.
    reloading: () => say('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    status: (text) => say(`STATUS=${oneLine(text)}`),
    stopping: () => say('STOPPING=1'),
    close: async () => {
      closed.abort();
      await watchdog;
      await deliveries;
    },
  };
}

/** Null where the manager did not ask this process for signs of life (sd_watchdog_enabled(3)). */
function watchdogPeriodMs(env: NotifySurroundings['env'], pid: number): number | null {
  const periodUs = Number(env['WATCHDOG_USEC']);
  const watchedPid = env['WATCHDOG_PID'];
  if (!Number.isFinite(periodUs) || periodUs <= 0) return null;
  if (watchedPid !== undefined && Number(watchedPid) !== pid) return null;
  return periodUs / 1000;
}

/** A line break would begin another assignment. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function deliver(assignments: readonly string[], env: NotifySurroundings['env']): Promise<ExecFileException | null> {
  return new Promise((resolve) => {
    execFile(
      'systemd-notify',
      ['--', ...assignments],
      { env: { PATH: env['PATH'], NOTIFY_SOCKET: env['NOTIFY_SOCKET'] }, timeout: DELIVERY_TIMEOUT_MS },
      resolve,
    );
  });
}
