import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { CATALOGUE, type ErrorCode, FlashError } from '../errors.ts';
import { http } from '../transports/http.ts';
import type { EventDocument } from './documents.ts';
import { EVENTS_PATH } from './routes.ts';
import { USER_HEADER } from './server.ts';

/** The daemon to speak to. */
export interface ControlTarget {
  /** A path, or on Windows the name of a pipe. */
  readonly socket: string;
  /** Who asks; null where the system does not tell. */
  readonly user: string | null;
}

/** A daemon that is busy with a thousand devices answers within milliseconds; a reload reads a file. */
const ANSWER_WITHIN_MS = 10_000;

/**
 * Asks the running daemon and resolves with its answer. Throws what the daemon refused, CONTROL_NOT_RUNNING, CONTROL_NO_ACCESS,
 * CONTROL_NO_ANSWER or CONTROL_BAD_ANSWER.
 */
export async function ask<Answer>(
  target: ControlTarget,
  method: 'GET' | 'POST',
  path: string,
  body: Readonly<Record<string, unknown>> | null = null,
): Promise<Answer> {
  const response = await send(target, method, path, body, AbortSignal.timeout(ANSWER_WITHIN_MS));
  const text = await textOf(response, target);
  const document = parsed(text, target);
  if (response.statusCode === 200) return document as Answer;
  throw refusal(document, target);
}

/** Watches the running daemon; ends when it stops or `signal` is aborted. Throws as {@link ask} does, before the first event only. */
export async function* watch(target: ControlTarget, signal: AbortSignal): AsyncGenerator<EventDocument> {
  const response = await send(target, 'GET', EVENTS_PATH, null, signal);
  if (response.statusCode !== 200) throw refusal(parsed(await textOf(response, target), target), target);
  const lines = createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const line of lines) yield parsed(line, target) as EventDocument;
  } catch (error) {
    if (!signal.aborted && !isConnectionEnd(error)) throw error;
  } finally {
    lines.close();
    response.destroy();
  }
}

function send(
  { socket, user }: ControlTarget,
  method: string,
  path: string,
  body: Readonly<Record<string, unknown>> | null,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const question = http.request({
      socketPath: socket,
      method,
      path,
      signal,
      agent: false,
      headers: {
        ...(user === null ? {} : { [USER_HEADER]: encodeURIComponent(user) }),
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      },
    });
    question.once('response', resolve);
    question.once('error', (error) => reject(translated(error, socket, signal)));
    question.end(body === null ? undefined : JSON.stringify(body));
  });
}

async function textOf(response: IncomingMessage, { socket }: ControlTarget): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch (cause) {
    throw new FlashError('CONTROL_NO_ANSWER', `the daemon at ${socket} broke off its answer`, { cause });
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string, { socket }: ControlTarget): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FlashError('CONTROL_BAD_ANSWER', `what answers at ${socket} is no dropflash`, { cause });
  }
}

/** The error that the daemon named, with its own words. */
function refusal(document: unknown, { socket }: ControlTarget): FlashError {
  const error = typeof document === 'object' && document !== null && 'error' in document ? document.error : null;
  if (typeof error === 'object' && error !== null && 'code' in error && 'message' in error && isCode(error.code)) {
    return new FlashError(error.code, String(error.message));
  }
  return new FlashError('CONTROL_BAD_ANSWER', `what answers at ${socket} is no dropflash of this version`);
}

const isCode = (code: unknown): code is ErrorCode => typeof code === 'string' && Object.hasOwn(CATALOGUE, code);

function translated(error: Error, socket: string, signal: AbortSignal): FlashError {
  const code = 'code' in error ? error.code : null;
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new FlashError('CONTROL_NOT_RUNNING', `no daemon listens at ${socket}`, { cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new FlashError('CONTROL_NO_ACCESS', `${socket} is not open to this user`, { cause: error });
  }
  const why = signal.aborted ? 'gave no answer in time' : `broke off (${error.message})`;
  return new FlashError('CONTROL_NO_ANSWER', `the daemon at ${socket} ${why}`, { cause: error });
}

function isConnectionEnd(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === 'ECONNRESET' || code === 'ABORT_ERR';
}
