/** The part of `process` that signals come from; a test passes an emitter. */
export interface SignalSource {
  readonly platform: NodeJS.Platform;
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

/** What people and service managers ask of the process, as two steps and a wish. */
export interface StopSignals {
  /** The first request: finish or reach a safe point, then stop. */
  readonly stop: AbortSignal;
  /** The second request: abort now. */
  readonly insist: AbortSignal;
  /** SIGHUP: read the config again. Replaces an earlier listener; one that came before the first listener is told to it. */
  onReload(listener: () => void): void;
  /** Gives the signals back to the system. */
  release(): void;
}

/**
 * Windows has no SIGTERM. Ctrl+C (which is also how WinSW asks a service to stop) arrives as SIGINT, Ctrl+Break as SIGBREAK,
 * and a console window that is closed as SIGHUP, after which Windows ends the process within seconds: so there it means stop.
 * Source: Node.js documentation, "Signal events".
 */
const STOP_SIGNALS: Readonly<Record<'windows' | 'posix', readonly NodeJS.Signals[]>> = {
  windows: ['SIGINT', 'SIGBREAK', 'SIGTERM', 'SIGHUP'],
  posix: ['SIGINT', 'SIGTERM'],
};

/** Listens from now on. The first stop signal aborts `stop`, the second `insist`; further ones change nothing. */
export function listenForSignals(source: SignalSource): StopSignals {
  const stop = new AbortController();
  const insist = new AbortController();
  let reload: (() => void) | null = null;
  let isReloadOwed = false;

  const onStop = () => {
    if (stop.signal.aborted) insist.abort();
    stop.abort();
  };
  const onReload = () => {
    if (reload === null) isReloadOwed = true;
    else reload();
  };

  const isWindows = source.platform === 'win32';
  const stopSignals = STOP_SIGNALS[isWindows ? 'windows' : 'posix'];
  for (const name of stopSignals) source.on(name, onStop);
  if (!isWindows) source.on('SIGHUP', onReload);

  return {
    stop: stop.signal,
    insist: insist.signal,
    onReload: (listener) => {
      reload = listener;
      if (isReloadOwed) listener();
      isReloadOwed = false;
    },
    release: () => {
      for (const name of stopSignals) source.off(name, onStop);
      if (!isWindows) source.off('SIGHUP', onReload);
    },
  };
}
