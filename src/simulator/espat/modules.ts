import type { HostListener, Medium, PortAddress } from '../chip/medium.ts';
import { MemoryMedium } from '../chip/memory-medium.ts';
import { PtyMedium } from '../chip/pty-medium.ts';
import { TcpMedium } from '../chip/tcp-medium.ts';
import { type ModuleSpec, SimulatedModule } from './module.ts';

/** A pretend module that is there until it is stopped. */
export interface AtModule {
  readonly module: SimulatedModule;
  readonly address: PortAddress;
  stop(): Promise<void>;
}

/** A pretend AT module on a port of its own. `tcp` has no baud rate, `rfc2217` and `pty` have. */
export async function startAtModule(spec: ModuleSpec, kind: PortAddress['kind'] = 'tcp'): Promise<AtModule> {
  const module = new SimulatedModule(spec);
  const medium = await openMedium(kind, module.host);
  module.connect(medium);
  return { module, address: medium.address, stop: () => module.stop() };
}

function openMedium(kind: PortAddress['kind'], host: HostListener): Promise<Medium> {
  if (kind === 'pty') return PtyMedium.open(host);
  if (kind === 'memory') return Promise.resolve(new MemoryMedium(host));
  return TcpMedium.open(kind, host);
}
