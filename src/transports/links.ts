import type { PortRange } from '../model/fields.ts';

/** One UDP conversation with one device: datagrams from elsewhere never reach it. */
export interface DatagramLink {
  /** The local address the system chose for this device (or was told to use). */
  readonly localAddress: string;
  send(datagram: Uint8Array): Promise<void>;
  /** The next datagram, whole; null when none came within `timeoutMs`. LINK_UNREACHABLE where the system says so. */
  receive(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null>;
  close(): void;
}

/** A byte stream to one device. Knows nothing of frames. */
export interface StreamLink {
  readonly remoteAddress: string;
  /** Resolves when the system has taken the bytes, which is not when the device has them. LINK_CLOSED when it is gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** What has arrived, at least one byte; null at the end of the stream; LINK_TIMEOUT after `timeoutMs` without any. */
  read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null>;
  /** Bytes handed to `write` that have not yet left this process. */
  readonly unsentBytes: number;
  /** At once, on every path: an open connection leaves an ESP8266 deaf until it is closed. Safe to call twice. */
  destroy(): void;
}

/** A TCP port on which one device is expected to call back. */
export interface DialBack {
  readonly port: number;
  /** The device's connection; null when it did not come within `timeoutMs`. Others are refused. */
  accept(timeoutMs: number, signal?: AbortSignal): Promise<StreamLink | null>;
  close(): void;
}

/** What the daemon lends to a session to reach the outside. */
export interface Links {
  openDatagram(target: { address: string; port: number; localAddress?: string }): Promise<DatagramLink>;
  /** `ports` null: the system chooses. LINK_NO_PORT when all of the range are taken. */
  expectDialBack(target: { localAddress: string; peerAddress: string; ports: PortRange | null }): Promise<DialBack>;
}
