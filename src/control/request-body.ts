import type { IncomingMessage } from 'node:http';
import { FlashError } from '../errors.ts';

/** No command needs more. */
export const LARGEST_BODY_BYTES = 16_384;

/** The JSON object of a request; empty where there is no body. Throws CONTROL_BAD_REQUEST. */
export async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > LARGEST_BODY_BYTES) {
      throw new FlashError('CONTROL_BAD_REQUEST', `the body is larger than ${LARGEST_BODY_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return sizeBytes === 0 ? {} : parsed(Buffer.concat(chunks).toString('utf8'));
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FlashError('CONTROL_BAD_REQUEST', 'the body is not JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FlashError('CONTROL_BAD_REQUEST', 'the body is not a JSON object');
  }
  return value as Readonly<Record<string, unknown>>;
}
