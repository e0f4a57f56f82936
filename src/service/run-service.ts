import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { EXIT, type ExitCode, exitCodeFor } from './exit-codes.ts';
import { Lifecycle, type Part } from './lifecycle.ts';
import type { ServiceNotifier } from './notify.ts';
import type { StopSignals } from './signals.ts';

/** What is run, and how it is told to stop. */
export interface ServiceRun {
  /** In the order of their start. */
  readonly parts: readonly Part[];
  readonly signals: StopSignals;
  readonly notifier: ServiceNotifier;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted, with the error as its reason, when a part can no longer work: the service stops as if asked to, and fails. */
  readonly fatal: AbortSignal;
  /** For the parts together. systemd's TimeoutStopSec must be longer. */
  readonly stopDeadlineMs: number;
  /** The line that goes with `daemon.ready` and into `systemctl status`. */
  readonly describeReady: () => string;
  /** SIGHUP, once the service is ready; one after the other. What it throws is logged. */
  readonly reload: () => Promise<void>;
}

/** Runs the parts until a signal or a fatal error ends them. Throws nothing: what went wrong is logged and in the exit code. */
export async function runService(run: ServiceRun): Promise<ExitCode> {
  const lifecycle = new Lifecycle(run.parts, run);
  const end = asked(AbortSignal.any([run.signals.stop, run.fatal]));
  const started = lifecycle.start(run.stopDeadlineMs).then(
    () => 'started' as const,
    (error: unknown) => ({ error }),
  );
  const first = await Promise.race([started, end]);
  if (typeof first === 'object') {
    run.log.error('daemon.failed', { error: first.error });
    await run.notifier.close();
    return exitCodeFor(first.error);
  }
  if (first === 'started') {
    const status = run.describeReady();
    run.log.info('daemon.ready', { status });
    run.notifier.ready(status);
    reloadOnSignal(run);
    await end;
  }
  return stopService(lifecycle, run);
}

function reloadOnSignal({ signals, notifier, log, reload, describeReady }: ServiceRun): void {
  let reloads = Promise.resolve();
  signals.onReload(() => {
    reloads = reloads
      .then(() => {
        notifier.reloading();
        return reload();
      })
      .catch((error: unknown) => log.error('daemon.reload-failed', { error }))
      .then(() => notifier.ready(describeReady()));
  });
}

async function stopService(lifecycle: Lifecycle, run: ServiceRun): Promise<ExitCode> {
  if (run.fatal.aborted) run.log.error('daemon.failed', { error: run.fatal.reason });
  run.log.info('daemon.stopping', { deadlineMs: run.stopDeadlineMs });
  run.notifier.stopping();
  const stopped = await Promise.race([lifecycle.stop(run.stopDeadlineMs), asked(run.signals.insist)]);
  if (stopped === 'asked') {
    // What was under way is in the journal, and is found as interrupted at the next start.
    run.log.warn('daemon.abandoned', { reason: 'a second stop signal' });
    return EXIT.notStopped;
  }
  await run.notifier.close();
  const { late, failed } = stopped;
  if (late.length > 0 || failed.length > 0) return EXIT.notStopped;
  return run.fatal.aborted ? exitCodeFor(run.fatal.reason) : EXIT.done;
}

function asked(signal: AbortSignal): Promise<'asked'> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve('asked');
    signal.addEventListener('abort', () => resolve('asked'), { once: true });
  });
}
