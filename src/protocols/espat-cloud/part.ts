import type { Timer } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { EspatServerSettings } from '../../model/server.ts';
import type { Part } from '../../service/lifecycle.ts';
import type { PullHost, PullSurroundings } from '../pull.ts';
import { DnsServer } from './dns-server.ts';
import { AtServer } from './server.ts';
import { PublishedShelf } from './shelf.ts';

/** How often a port is asked for that another program holds. */
const AGAIN_MS = 30_000;

/**
 * The update server as a part of the daemon. A port that cannot be had is said in the log and asked for again: other rules are served
 * all the same.
 */
export function espatPart(settings: EspatServerSettings, host: PullHost, { clock, log }: PullSurroundings): Part {
  const { address, port, connections, dns } = settings;
  const shelf = new PublishedShelf(host, log);
  const makers: (() => Listener)[] = [() => new AtServer({ address, port, connections, shelf, clock, log })];
  if (dns !== null) makers.push(() => new DnsServer({ ...dns, log }));
  const open = new Set<Listener>();
  const waiting = new Set<Timer>();
  let isStopped = false;

  const listen = async (make: () => Listener): Promise<void> => {
    const listener = make();
    try {
      const bound = await listener.listen();
      open.add(listener);
      log.info('espat.ready', { server: listener.kind, address, port: bound });
      if (isStopped) await listener.close();
    } catch (error) {
      if (!(error instanceof FlashError)) throw error;
      log.error('espat.failed', { server: listener.kind, ...error.toJSON() });
      const timer = clock.setTimer(AGAIN_MS, () => {
        waiting.delete(timer);
        void listen(make);
      });
      waiting.add(timer);
      if (isStopped) timer.cancel();
    }
  };

  return {
    name: 'espat',
    async start() {
      for (const make of makers) await listen(make);
    },
    async stop() {
      isStopped = true;
      for (const timer of waiting) timer.cancel();
      await Promise.all([...open].map((listener) => listener.close()));
    },
  };
}

interface Listener {
  readonly kind: string;
  listen(): Promise<number>;
  close(): Promise<void>;
}
