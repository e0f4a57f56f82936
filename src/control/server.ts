import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Part } from '../service/lifecycle.ts';
import { http } from '../transports/http.ts';
import type { FailureDocument } from './documents.ts';
import type { EventFeed } from './event-feed.ts';
import { EventStreams } from './event-stream.ts';
import { Listener } from './listener.ts';
import { readBody } from './request-body.ts';
import { type Caller, type ControlActions, EVENTS_PATH, findRoute } from './routes.ts';

/** What the control server is made of; `createDaemon` gives it where the config has commands. */
export interface ControlServerParts {
  /** A path, or on Windows the name of a pipe. */
  readonly socket: string;
  readonly actions: ControlActions;
  readonly feed: EventFeed;
  readonly clock: Clock;
  readonly log: Logger;
}

const MOST_CONNECTIONS = 64;
const LARGEST_HEADER_BYTES = 8_192;
/** A request is a few hundred bytes from the same machine. */
const REQUEST_WITHIN_MS = 2_000;
/** The header in which the command line says who it runs for. */
export const USER_HEADER = 'dropflash-user';
const LONGEST_USER = 64;

/**
 * The HTTP API for commands, on a Unix socket or a named pipe (docs/control.md). A socket that cannot be made is an error in the log
 * and tried again: devices are updated all the same.
 */
export function controlServer(parts: ControlServerParts): Part {
  const streams = new EventStreams(parts.feed);
  const server = http.createServer(
    {
      maxHeaderSize: LARGEST_HEADER_BYTES,
      headersTimeout: REQUEST_WITHIN_MS,
      requestTimeout: REQUEST_WITHIN_MS,
      connectionsCheckingInterval: 500,
      keepAliveTimeout: 1_000,
    },
    (request, response) => void serve(request, response, parts, streams),
  );
  server.maxConnections = MOST_CONNECTIONS;
  const listener = new Listener({ ...parts, server });
  return {
    name: 'control',
    start: () => listener.start(),
    stop() {
      streams.close();
      return listener.stop();
    },
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  parts: ControlServerParts,
  streams: EventStreams,
): Promise<void> {
  try {
    const path = request.url ?? '';
    if (request.method === 'GET' && path === EVENTS_PATH) {
      streams.open(response, parts.actions.status());
      parts.log.debug('control.watched', { by: callerOf(request).claims });
      return;
    }
    const { argument, answer } = findRoute(request.method ?? '', path);
    const body = await readBody(request);
    send(response, 200, await answer({ argument, body, by: callerOf(request) }, parts.actions));
  } catch (error) {
    fail(response, error, parts.log);
  }
}

function callerOf({ headers }: IncomingMessage): Caller {
  const claimed = headers[USER_HEADER];
  return { claims: typeof claimed === 'string' && claimed !== '' ? decoded(claimed).slice(0, LONGEST_USER) : null };
}

/** Names beyond ASCII come percent-encoded; what is no such encoding stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function fail(response: ServerResponse, error: unknown, log: Logger): void {
  // Gone before its answer: nobody is left to be told.
  if (response.destroyed || response.headersSent) return;
  const known = error instanceof FlashError ? error : unexpected(error, log);
  send(response, statusOf(known), { error: known.toJSON() } satisfies FailureDocument);
}

function unexpected(cause: unknown, log: Logger): FlashError {
  log.error('control.failed', { error: cause });
  return new FlashError('CONTROL_NO_ANSWER', 'the daemon met an unexpected error; its log has it', { cause });
}

function statusOf({ code }: FlashError): number {
  switch (code) {
    case 'CONTROL_BAD_REQUEST':
      return 400;
    case 'JOB_NOT_FOUND':
    case 'RELEASE_NOT_FOUND':
    case 'ROLLOUT_NOT_FOUND':
    case 'CONTROL_DEVICE_UNKNOWN':
      return 404;
    case 'CONTROL_NO_ANSWER':
      return 500;
    case 'CONTROL_BUSY':
      return 503;
    default:
      return 409;
  }
}

function send(response: ServerResponse, status: number, document: unknown): void {
  const body = JSON.stringify(document);
  // One question, one connection: a command asks once, and what is left of a refused body has nowhere to go.
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  });
  response.end(body);
}
