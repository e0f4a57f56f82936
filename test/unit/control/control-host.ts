import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../../src/clock.ts';
import type { ControlTarget } from '../../../src/control/client.ts';
import { EventFeed } from '../../../src/control/event-feed.ts';
import type { Caller, ControlActions, RolloutOrder } from '../../../src/control/routes.ts';
import { controlServer } from '../../../src/control/server.ts';
import { FlashError } from '../../../src/errors.ts';
import type { Part } from '../../../src/service/lifecycle.ts';
import { RecordingLogger } from '../watcher/support.ts';

/** A control server on a socket of its own, with actions that only write down what they were asked. */
export class ControlHost implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'dropflash-control-'));
  readonly socket: string;
  readonly feed = new EventFeed(systemClock);
  readonly log = new RecordingLogger();
  readonly calls: unknown[][] = [];
  readonly #part: Part;

  constructor(socket?: string, clock: Clock = systemClock) {
    this.socket = socket ?? join(this.folder, 'control.sock');
    const { feed, log } = this;
    this.#part = controlServer({ socket: this.socket, actions: this.#actions(), feed, clock, log });
  }

  get target(): ControlTarget {
    return { socket: this.socket, user: 'jürgen' };
  }

  async start(): Promise<this> {
    await this.#part.start(new AbortController().signal);
    return this;
  }

  stop(): Promise<void> {
    return this.#part.stop(1_000);
  }

  /** Sends these bytes as they are; resolves with all that comes back once the daemon closes. */
  raw(bytes: string | Uint8Array): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(this.socket, () => socket.write(bytes));
      socket.on('data', (chunk) => {
        answer += chunk.toString('latin1');
      });
      socket.once('error', (error) => ('code' in error && error.code === 'EPIPE' ? resolve(answer) : reject(error)));
      socket.once('close', () => resolve(answer));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #actions(): ControlActions {
    const { calls } = this;
    return {
      status: () => ({
        pid: 1,
        version: '0.0.0',
        startedMs: 0,
        devices: { present: 1, away: 0, unknown: 0 },
        jobs: { queued: 0, running: 0, confirming: 0 },
        underWay: [],
        boards: [],
      }),
      async reload(by: Caller) {
        calls.push(['reload', by]);
        return { accepted: true, problems: [], needRestart: [] };
      },
      retry(job: string, force: boolean, by: Caller): never {
        calls.push(['retry', job, force, by]);
        throw new FlashError('JOB_NEEDS_FORCE', `the device of ${job} may have it`);
      },
      retryRelease(release: string): never {
        calls.push(['retryRelease', release]);
        throw new FlashError('RELEASE_NOT_FOUND', `there is no ${release}`);
      },
      undo(releaseOrDevice: string, by: Caller) {
        calls.push(['undo', releaseOrDevice, by]);
        return { planned: [], refused: [{ device: releaseOrDevice, reason: 'nothing is known' }] };
      },
      cancel(job: string): never {
        calls.push(['cancel', job]);
        throw new TypeError('a mistake of the program');
      },
      orderRollout(release: string, order: RolloutOrder, by: Caller): never {
        calls.push([order, release, by]);
        throw new FlashError('ROLLOUT_NOT_POSSIBLE', `${release} does not wait`);
      },
      history(device: string): never {
        calls.push(['history', device]);
        throw new FlashError('CONTROL_DEVICE_UNKNOWN', `no device is called ${device}`);
      },
      explain(device: string): never {
        calls.push(['explain', device]);
        throw new FlashError('CONTROL_DEVICE_AMBIGUOUS', `two devices are called ${device}`);
      },
    };
  }
}
