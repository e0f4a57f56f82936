import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import { stuckError } from './serial-errors.ts';
import { within } from './within.ts';

const CONNECT_LIMIT_MS = 10_000;
const WRITE_LIMIT_MS = 30_000;

/** Where a port across the network is served. */
export interface SerialServer {
  readonly host: string;
  readonly port: number;
}

/**
 * Connects to the server of a port.
 *
 * @throws FlashError LINK_UNKNOWN_HOST, LINK_REFUSED, LINK_UNREACHABLE
 */
export async function connectToServer(server: SerialServer, path: string, clock: Clock): Promise<Socket> {
  const socket = connect({ ...server, noDelay: true });
  try {
    const late = () => new FlashError('LINK_UNREACHABLE', `${path}: no connection within ${CONNECT_LIMIT_MS} ms`);
    await within(clock, CONNECT_LIMIT_MS, once(socket, 'connect'), late);
    return socket;
  } catch (cause) {
    socket.destroy();
    throw cause instanceof FlashError ? cause : connectError(path, cause);
  }
}

function connectError(path: string, cause: unknown): FlashError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  if (code === 'ECONNREFUSED') return new FlashError('LINK_REFUSED', `${path}: nothing listens there`, { cause });
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new FlashError('LINK_UNKNOWN_HOST', `${path}: no address is known for this name`, { cause });
  return new FlashError('LINK_UNREACHABLE', `${path}: cannot be reached (${code})`, { cause });
}

/** The connection to a port's server ended or broke. */
function brokenError(path: string, cause?: Error): FlashError {
  const why = (cause as NodeJS.ErrnoException | undefined)?.code ?? 'closed by the other side';
  return new FlashError('LINK_CLOSED', `${path}: the connection broke (${why})`, { cause });
}

/** Tells of bytes and of the end, once. */
export function listenTo(socket: Socket, path: string, on: { bytes(bytes: Uint8Array): void; end(e: Error): void }) {
  socket.on('data', (bytes: Buffer) => on.bytes(bytes));
  socket.on('error', (error) => on.end(brokenError(path, error)));
  socket.on('close', () => on.end(brokenError(path)));
  socket.on('end', () => on.end(brokenError(path)));
}

/** Resolves when this process has handed the bytes on. */
export function writeTo(socket: Socket, path: string, bytes: Uint8Array, clock: Clock): Promise<void> {
  const written = new Promise<void>((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(brokenError(path, error)) : resolve()));
  });
  return within(clock, WRITE_LIMIT_MS, written, () => stuckError(path, 'a write', WRITE_LIMIT_MS));
}

const GOODBYE_LIMIT_MS = 1_000;

/**
 * Hangs up, and waits for the server to do so as well: it serves one client at a time, and turns the next away as long as it believes in
 * this one. Never throws.
 */
export async function hangUp(socket: Socket, clock: Clock): Promise<void> {
  if (socket.destroyed) return;
  const closed = once(socket, 'close');
  // Unread bytes would turn the end into a reset.
  socket.removeAllListeners('data').resume();
  socket.end();
  await within(clock, GOODBYE_LIMIT_MS, closed, () => new Error('the server does not hang up')).catch(() => undefined);
  socket.destroy();
}
