import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { listenForSignals } from '../../../src/service/signals.ts';

class FakeProcess extends EventEmitter {
  readonly platform: NodeJS.Platform;
  constructor(platform: NodeJS.Platform) {
    super();
    this.platform = platform;
  }
}

describe('signals', () => {
  it.each(['SIGINT', 'SIGTERM'])('first %s asks to stop, the second of any kind insists', (name) => {
    const source = new FakeProcess('linux');
    const signals = listenForSignals(source);
    source.emit(name);
    expect([signals.stop.aborted, signals.insist.aborted]).toEqual([true, false]);
    source.emit('SIGTERM');
    expect(signals.insist.aborted).toBe(true);
  });

  it('SIGHUP reloads, also one that came before anybody listened', () => {
    const source = new FakeProcess('linux');
    const signals = listenForSignals(source);
    source.emit('SIGHUP');
    let reloads = 0;
    signals.onReload(() => {
      reloads += 1;
    });
    source.emit('SIGHUP');
    source.emit('SIGHUP');
    expect([reloads, signals.stop.aborted]).toEqual([3, false]);
  });

  it.each(['SIGINT', 'SIGBREAK', 'SIGHUP'])(
    'on Windows %s asks to stop: the console event of Ctrl+C, Ctrl+Break or close',
    (name) => {
      const source = new FakeProcess('win32');
      const signals = listenForSignals(source);
      source.emit(name);
      expect(signals.stop.aborted).toBe(true);
    },
  );

  it('gives the signals back', () => {
    const source = new FakeProcess('linux');
    listenForSignals(source).release();
    expect(source.eventNames()).toEqual([]);
  });
});
