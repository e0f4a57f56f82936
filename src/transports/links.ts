import type { PortRange } from '../model/fields.ts';

/** One UDP conversation with one device, from one source port: datagrams from elsewhere never reach it. */
export interface DatagramLink {
  /** The local address the system chose for this device (or was told to use). */
  readonly localAddress: string;
  /** The device's address in numbers, after a name was resolved. */
  readonly remoteAddress: string;
  /** LINK_REFUSED or LINK_UNREACHABLE where the system says so; the link stays usable. */
  send(datagram: Uint8Array): Promise<void>;
  /**
   * The next datagram, whole; null when none came within `timeoutMs`. Throws LINK_REFUSED or LINK_UNREACHABLE, once for each time the
   * network reports it; the link stays usable. One reader at a time.
   */
  receive(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null>;
  close(): void;
}

/** What a read found: bytes, nothing in time, or the orderly end of the stream. */
export type StreamRead = Uint8Array | 'timeout' | 'end';

/** A byte stream to one device. Knows nothing of frames. */
export interface StreamLink {
  readonly remoteAddress: string;
  /** Hands the bytes to the system. A loss shows at the next `read`. */
  write(bytes: Uint8Array): void;
  /** What has arrived, at least one byte. LINK_CLOSED when the connection broke. One reader at a time. */
  read(timeoutMs: number, signal?: AbortSignal): Promise<StreamRead>;
  /** Bytes handed to `write` that have not yet left this process. */
  readonly unsentBytes: number;
  /** Ends the stream in good order, after what was written. */
  close(): void;
  /**
   * Resets the connection at once, whatever is unsent: an open connection leaves an ESP8266 deaf until it is gone. Does nothing after
   * `close` or a second time.
   */
  destroy(): void;
}

/** A TCP port on which one device is expected to call back, once. */
export interface DialBack {
  readonly port: number;
  /** Addresses of others that called meanwhile and were refused. */
  readonly strangers: readonly string[];
  /** The device's connection, as soon as there is one. The caller sets the time limit, by the signal. */
  accept(signal: AbortSignal): Promise<StreamLink>;
  /** Stops expecting, and destroys the device's connection where there is one. Safe to call twice. */
  close(): void;
}

/** What the daemon lends to a session to reach the outside. */
export interface Links {
  /** LINK_UNKNOWN_HOST, LINK_UNREACHABLE, LINK_LOCAL_ADDRESS. IPv4 only. */
  openDatagram(target: { address: string; port: number; localAddress?: string }): Promise<DatagramLink>;
  /**
   * `ports` null: the system chooses. LINK_NO_PORT when all of the range are taken. Where another job expects the same address on each
   * port of the range, waits for its turn.
   */
  expectDialBack(target: DialBackTarget): Promise<DialBack>;
}

export interface DialBackTarget {
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly ports: PortRange | null;
  readonly signal: AbortSignal;
}
