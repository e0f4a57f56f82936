import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Timings } from '../src/simulator/cores.ts';
import type { DeviceEvent, DeviceSpec } from '../src/simulator/device-spec.ts';

const CHILD = fileURLToPath(new URL('./fleet-child.ts', import.meta.url));

export interface FleetOrder {
  readonly specs: readonly DeviceSpec[];
  readonly service: string;
  readonly timings: Partial<Timings>;
  /** Devices that are off are switched on one after the other, at this distance. */
  readonly staggerMs?: number;
}

export interface DeviceTold {
  readonly device: string;
  readonly event: DeviceEvent;
  /** Epoch ms, by the fleet's process. */
  readonly atMs: number;
}

export interface Place {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** Simulated devices in a process of their own, so that they do not take turns with what is measured. */
export class FleetProcess implements AsyncDisposable {
  readonly places: readonly Place[];
  /** What happened after all devices had started. */
  readonly told: DeviceTold[] = [];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, places: readonly Place[]) {
    this.#child = child;
    this.places = places;
    child.on('message', (told) => this.told.push(told as DeviceTold));
  }

  static async start(order: FleetOrder): Promise<FleetProcess> {
    const child = fork(CHILD, { stdio: 'inherit' });
    child.send(order);
    const { promise, resolve, reject } = Promise.withResolvers<FleetProcess>();
    const onExit = (code: number | null): void => reject(new Error(`the fleet's process ended with ${code}`));
    child.once('exit', onExit);
    const onMessage = (message: unknown): void => {
      if (typeof message !== 'object' || message === null || !('places' in message)) return;
      child.off('message', onMessage).off('exit', onExit);
      resolve(new FleetProcess(child, message.places as Place[]));
    };
    child.on('message', onMessage);
    return promise;
  }

  place(name: string): Place {
    const found = this.places.find((place) => place.name === name);
    if (found === undefined) throw new RangeError(`no device "${name}"`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}
