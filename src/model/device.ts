import type { Chip } from './chip.ts';

/**
 * A sighting is what was seen of a device, once, on one path; the registry joins sightings to devices. This one is an mDNS service
 * instance, complete (PTR, SRV, TXT, address), seen in one packet or in a burst of them.
 */
export interface MdnsSighting {
  readonly via: 'mdns';
  /** Without underscore and domain: `arduino`. */
  readonly service: string;
  /** The instance name, as the device wrote it. */
  readonly instance: string;
  /** The SRV target, without the trailing dot: `sensor-1.local`. */
  readonly host: string;
  readonly port: number;
  /** IPv4 first. */
  readonly addresses: readonly string[];
  readonly txt: Readonly<Record<string, string>>;
  /** The address of the local interface that heard it. */
  readonly localInterface: string;
  /** Unasked-for: no question explains this packet. Two of them within seconds are an announcement (RFC 6762, section 8.3). */
  readonly isAnnouncement: boolean;
  /** When it last asked for its own names (RFC 6762, section 8.1) before it was known who asked, epoch ms; null in all other sightings. */
  readonly probedMs: number | null;
  readonly ttlSeconds: number;
  readonly atMs: number;
}

/** A USB port with something on it that is taken for a board. */
export interface UsbSighting {
  readonly via: 'usb';
  /** The fixture position: `usb:1-1.4.2`, else the adapter (`usb-serial:…`) or the port's name (`port:COM3`). */
  readonly slot: string;
  readonly port: SerialPortFacts;
  /** Of the chip, where its USB says so: `aa:bb:cc:dd:ee:ff`. */
  readonly mac: string | null;
  readonly atMs: number;
}

/** One entry of `devices:`: a device by address, or a name, tags and a chip for one that discovery finds. */
export interface FixedDevice {
  readonly name: string;
  readonly address: string | null;
  readonly port: number | null;
  /** Lower case, colons: `aa:bb:cc:dd:ee:ff`. */
  readonly mac: string | null;
  /** The port it is on: `/dev/ttyS0`, `COM3`, `rfc2217://host:port`, or a socket of the USB bus (`usb:1-1.4.2`); null: on the network. */
  readonly serial: string | null;
  /** The mDNS instance this entry describes, where it has no fixed address. */
  readonly instance: string | null;
  readonly protocol: string | null;
  readonly chip: Chip | null;
  readonly tags: readonly string[];
  /** It sleeps and announces nothing: how long after an attempt without an answer the next one is made, for as long as it takes. */
  readonly tryEveryMs?: number;
}

/**
 * Whether a job may start now. `unknown` is a device of the fixed list that nothing announces: the attempt itself tells.
 * `away`: it was seen, and has since said goodbye or let its records expire.
 */
export type Presence = 'present' | 'away' | 'unknown';

/** The serial port that a device is reached through. */
export interface SerialPortFacts {
  /** As the system opens it (`/dev/ttyUSB0`, `COM3`), `tcp://host:port` or `rfc2217://host:port`. */
  readonly path: string;
  /** Of the adapter, or of the chip where that is itself the USB device; null: no USB port, or not known. */
  readonly usb: UsbFacts | null;
}

/** What the USB descriptors of an adapter or board say. */
export interface UsbFacts {
  readonly vendorId: number;
  readonly productId: number;
  /** Null: it has none, as many CH340. */
  readonly serialNumber: string | null;
  /** The socket it is plugged into, `1-1.4.2`: bus and ports (Linux), or the system's own word for the place. */
  readonly location: string | null;
}

/** A place where a device comes to fetch by itself. */
export interface PlaceVisited {
  readonly protocol: string;
  /** In the protocol's words: `user ota`. */
  readonly place: string;
  /** How often it looked at what is offered there. */
  readonly looks: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** When it last looked and found nothing on offer; null: never. */
  readonly foundNothingMs: number | null;
}

/** One physical thing with an identity that survives new addresses, new names and restarts. */
export interface Device {
  /** Stable: the strongest key when it was first seen, kept from then on. */
  readonly id: string;
  /** Everything that identifies it: `mac:…`, `mdns:arduino/sensor-1`, `fixed:boiler`. */
  readonly keys: readonly string[];
  /** What people call it: the fixed list's name, else the mDNS instance. */
  readonly name: string;
  readonly address: string | null;
  readonly port: number | null;
  /** Null: it is reached over the network. */
  readonly serial: SerialPortFacts | null;
  readonly mac: string | null;
  /** mDNS service types it offers. */
  readonly services: readonly string[];
  /** `board` of its TXT record. */
  readonly board: string | null;
  readonly txt: Readonly<Record<string, string>>;
  /** Said by a person in the fixed list. Evidence from board and names is weighed by the rules. */
  readonly chip: Chip | null;
  /** The protocol named in the fixed list. */
  readonly protocol: string | null;
  readonly tags: readonly string[];
  /** See {@link FixedDevice.tryEveryMs}. */
  readonly tryEveryMs?: number;
  readonly presence: Presence;
  /** Of a device that fetches by itself, and of no other: where it came, the last place first. Nothing is ever sent to it. */
  readonly visits?: readonly PlaceVisited[];
  /** Why it is not clear which device this is; nothing is sent to it as long as that stands. */
  readonly conflict?: string;
  readonly firstSeenMs: number;
  /** Null for a device of the fixed list that was never heard. */
  readonly lastSeenMs: number | null;
}
