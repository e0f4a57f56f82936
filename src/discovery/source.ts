import type { MdnsSighting } from '../model/device.ts';

/** Why a source no longer vouches for a service instance on one interface. */
export type LossReason =
  /** It said goodbye (RFC 6762, section 10.1) and did not answer when asked. */
  | 'goodbye'
  /** Its records ran out and it did not answer when asked. */
  | 'expired'
  /** Someone doubted it ({@link MdnsProber.reconfirm}) and it did not answer when asked. */
  | 'unconfirmed'
  /** The network interface it was heard on is gone. */
  | 'interface-gone'
  /** Its USB port vanished. */
  | 'unplugged';

/** A device that starts asks for its own names (RFC 6762, section 8.1): nothing else makes it do so but a new network. */
export interface MdnsProbe {
  readonly service: string;
  readonly instance: string;
  readonly localInterface: string;
  /** Epoch ms. */
  readonly atMs: number;
}

/** A service instance that is gone from one interface. */
export interface MdnsLoss {
  readonly service: string;
  readonly instance: string;
  readonly localInterface: string;
  readonly reason: LossReason;
  /** Epoch ms. */
  readonly atMs: number;
}

/** Whom a source tells what it sees. */
export interface SightingListener {
  /** Once per packet that concerns a complete instance, also if nothing changed: that it spoke is news of itself. */
  sighted(sighting: MdnsSighting): void;
  lost(loss: MdnsLoss): void;
  /** Once per packet, and only of instances that are known: it is no sighting, for the device is not ready yet. Of others the first sighting tells. */
  probed(probe: MdnsProbe): void;
}

/** How to ask one service instance whether it is there; the answer is a sighting. Names as in the sighting. */
export interface MdnsProber {
  /** Multicasts one question for its records (QM, RFC 6762, section 5.4). Costs it nothing and changes nothing. */
  probe(service: string, instance: string): void;
  /** Asks several times within five seconds and reports it lost if it stays silent (RFC 6762, section 10.4). */
  reconfirm(service: string, instance: string): void;
}
