import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { Bonjour } from 'bonjour-service';
import type { DatagramGuard, Refusal } from './datagram-guard.ts';
import type { DnsQuestion } from './dns-message.ts';
import type { LocalInterface } from './interfaces.ts';

/** What a link tells while it is open. None of these may throw. */
export interface LinkHandlers {
  /** The socket is bound and in the group. */
  onReady(): void;
  onQuery(packet: unknown, source: string): void;
  onResponse(packet: unknown, source: string): void;
  /** A datagram that was not taken. */
  onRefused(reason: Refusal | 'undecodable'): void;
  /** The link cannot work as it is; open another one later. */
  onError(error: Error): void;
}

/** mDNS on one interface and one address family. */
export interface MdnsLink {
  query(questions: readonly DnsQuestion[], onSent: (error: Error | null) => void): void;
  close(): Promise<void>;
}

/** One socket: an interface and a family of addresses. */
export interface LinkOptions {
  readonly local: LocalInterface;
  readonly family: 'ipv4' | 'ipv6';
  readonly guard: DatagramGuard;
  readonly monotonic: () => number;
  readonly handlers: LinkHandlers;
}

/**
 * For the answers of a thousand devices to one question, which all come within a tenth of a second (RFC 6762, section 6): each takes a
 * kilobyte or two of the system's buffer, and the usual one on Linux holds some two hundred.
 */
const ROOM_BYTES = 4 * 1024 * 1024;

/** RFC 6762, section 3. */
const GROUPS = { ipv4: '224.0.0.251', ipv6: 'ff02::fb' } as const;

/** The part of multicast-dns that is used here. */
interface MulticastDns {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  query(packet: { questions: readonly DnsQuestion[] }, done: (error?: unknown) => void): void;
}

/**
 * Opens a link. bonjour-service's own browser keeps one list of services and says nothing when a known one announces itself again,
 * so only its multicast-dns instance is used.
 */
export function openMdnsLink({ local, family, guard, monotonic, handlers }: LinkOptions): MdnsLink {
  const isIpv4 = family === 'ipv4';
  const socket = createSocket({
    type: isIpv4 ? 'udp4' : 'udp6',
    reuseAddr: true,
    ...(isIpv4 ? {} : { ipv6Only: true }),
  });
  socket.once('listening', () => makeRoom(socket));
  const bonjour = new Bonjour(
    {
      type: isIpv4 ? 'udp4' : 'udp6',
      ip: GROUPS[family],
      interface: isIpv4 ? local.address : `::%${local.name}`,
      // Bound to its own address a socket hears no multicast on Linux.
      bind: isIpv4 ? '0.0.0.0' : '::',
      socket: guardSocket(socket, (bytes, remote) => {
        const refusal = guard.refuse(bytes, remote.address, monotonic());
        if (refusal) handlers.onRefused(refusal);
        return refusal === null;
      }),
    } as object, // The published type is that of a service; the options of multicast-dns are passed on unseen.
    (error: Error) => handlers.onError(error),
  );
  const mdns = multicastDnsOf(bonjour);
  mdns.on('ready', () => handlers.onReady());
  mdns.on('error', (error) => handlers.onError(toError(error)));
  mdns.on('warning', (error) => {
    // Decoding errors come here as well as those of the socket, which alone have a system call.
    const failure = toError(error);
    if ('syscall' in failure) handlers.onError(failure);
    else handlers.onRefused('undecodable');
  });
  mdns.on('query', (packet, remote) => handlers.onQuery(packet, addressOf(remote)));
  mdns.on('response', (packet, remote) => handlers.onResponse(packet, addressOf(remote)));
  return {
    query: (questions, onSent) =>
      mdns.query({ questions: questions.map((question) => ({ ...question })) }, (error) =>
        onSent(error ? toError(error) : null),
      ),
    close: () => closeLink(bonjour, socket),
  };
}

/** Some systems refuse a size beyond their limit instead of giving what they have; then it stays as it was. */
function makeRoom(socket: Socket): void {
  try {
    if (socket.getRecvBufferSize() < ROOM_BYTES) socket.setRecvBufferSize(ROOM_BYTES);
  } catch {
    // Answers that are lost come with a later question.
  }
}

function closeLink(bonjour: Bonjour, socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    try {
      bonjour.destroy();
    } catch {
      // It was closed by its own error before.
      resolve();
    }
  });
}

/**
 * The one place that reaches into bonjour-service: `bonjour.server` is declared private and `mdns` as `any` (1.4). A version that
 * moves them is told by this check, not by silence.
 */
function multicastDnsOf(bonjour: Bonjour): MulticastDns {
  const server: unknown = Reflect.get(bonjour, 'server');
  const mdns: unknown = typeof server === 'object' && server !== null ? Reflect.get(server, 'mdns') : null;
  if (!isMulticastDns(mdns)) throw new TypeError('bonjour-service no longer has its multicast-dns at server.mdns');
  return mdns;
}

function isMulticastDns(value: unknown): value is MulticastDns {
  return value instanceof EventEmitter && 'query' in value && typeof value.query === 'function';
}

/** The socket as multicast-dns uses it, except that a datagram is shown to it only if `admit` says so. */
function guardSocket(socket: Socket, admit: (bytes: Buffer, remote: RemoteInfo) => boolean): object {
  const on = (event: string, listener: (...args: never[]) => void): unknown => {
    if (event !== 'message') return socket.on(event, listener as (...args: unknown[]) => void);
    const show = listener as unknown as (bytes: Buffer, remote: RemoteInfo) => void;
    return socket.on('message', (bytes, remote) => admit(bytes, remote) && show(bytes, remote));
  };
  return new Proxy(socket, {
    get(target, property) {
      if (property === 'on') return on;
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function addressOf(remote: unknown): string {
  const address: unknown = typeof remote === 'object' && remote !== null ? Reflect.get(remote, 'address') : null;
  return typeof address === 'string' ? address : '';
}

function toError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
