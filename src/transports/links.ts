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
  /** Says, after what was written, that nothing more comes. Reading goes on. */
  end(): void;
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
  /** How many callers hung up before it could be told who they were. */
  readonly brokenCalls: number;
  /** The device's connection, as soon as there is one. The caller sets the time limit, by the signal. */
  accept(signal: AbortSignal): Promise<StreamLink>;
  /** Stops expecting, and destroys the device's connection where there is one. Safe to call twice. */
  close(): void;
}

/** The two lines by which software resets a board. They are always set together: a driver that is told one sets the other as it likes. */
export interface ControlLines {
  /** Asserted is low on the wire. */
  readonly dtr: boolean;
  readonly rts: boolean;
}

/** A serial port of this machine or across the network. Knows nothing of frames. */
export interface SerialLink {
  /** As in the target: `/dev/ttyUSB0`, `COM3`, `rfc2217://host:port`. */
  readonly path: string;
  /** Whether `setBaudRate` can do anything here: a raw TCP stream has the rate that its server was given. */
  readonly hasBaudRate: boolean;
  /** Resolves when the system has taken the bytes. SERIAL_PORT_LOST, SERIAL_PORT_STUCK, LINK_CLOSED. */
  write(bytes: Uint8Array): Promise<void>;
  /** What has arrived, at least one byte; null when nothing came in time. Throws like `write`. One reader at a time. */
  read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null>;
  /** False where the port has no control lines. */
  setLines(lines: ControlLines): Promise<boolean>;
  /** SERIAL_BAUD_REFUSED where the port cannot do that rate. */
  setBaudRate(baudRate: number): Promise<void>;
  /** Forgets what has arrived and was not read. */
  discardInput(): void;
  /** Never throws, and is safe to call twice. Leaves the control lines as they are where the system allows. */
  close(): Promise<void>;
}

/** A serial port, here or across the network. */
export interface SerialTarget {
  /** A device of this machine, `tcp://host:port` (raw bytes) or `rfc2217://host:port` (Telnet with control of the port). */
  readonly path: string;
  readonly baudRate: number;
}

/** What the daemon lends to a session to reach the outside. */
export interface Links {
  /** LINK_UNKNOWN_HOST, LINK_UNREACHABLE, LINK_LOCAL_ADDRESS. IPv4 only. */
  openDatagram(target: { address: string; port: number; localAddress?: string }): Promise<DatagramLink>;
  /** LINK_UNKNOWN_HOST, LINK_REFUSED, LINK_UNREACHABLE; or the signal's reason. IPv4 only. */
  openStream(target: StreamTarget): Promise<StreamLink>;
  /**
   * `ports` null: the system chooses. LINK_NO_PORT when all of the range are taken. Where another job expects the same address on each
   * port of the range, waits for its turn.
   */
  expectDialBack(target: DialBackTarget): Promise<DialBack>;
  /** The port for this session alone. SERIAL_PORT_NOT_FOUND, _DENIED, _BUSY, _FAILED, _STUCK; across the network also LINK_*. */
  openSerial(target: SerialTarget): Promise<SerialLink>;
}

/** Where a TCP connection goes. */
export interface StreamTarget {
  /** A name or an address in numbers. */
  readonly address: string;
  readonly port: number;
  /** The longest wait for the connection. */
  readonly withinMs: number;
  readonly signal?: AbortSignal;
}

/** Who is expected to call back, and where. */
export interface DialBackTarget {
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly ports: PortRange | null;
  readonly signal: AbortSignal;
}
