import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { DialBackListeners } from './dial-back.ts';
import type { Links } from './links.ts';
import { openSerial, systemBinding } from './open-serial.ts';
import { openStream } from './tcp.ts';
import { openDatagram } from './udp.ts';

/** The system's own sockets and ports. One per process, so that jobs can share the listener of a fixed dial-back port. */
export function createNodeLinks(clock: Clock, log: Logger): Links {
  const listeners = new DialBackListeners(clock, log);
  return {
    openDatagram: (target) => openDatagram(target, clock),
    openStream: (target) => openStream(target, clock),
    expectDialBack: (target) => listeners.expect(target),
    openSerial: (target) => openSerial(target, systemBinding, clock),
  };
}
