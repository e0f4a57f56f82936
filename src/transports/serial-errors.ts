import { type ErrorCode, FlashError } from '../errors.ts';
import type { PortHolder } from './port-holder.ts';

/**
 * The only place that looks at the words of serialport's errors: they carry no code. Its texts come from strerror on Linux and macOS, and
 * from a list of its own on Windows, where a port in use is "Access denied".
 */
const BY_TEXT: readonly (readonly [text: RegExp, code: ErrorCode])[] = [
  [/no such file|file not found|no such device|not a directory/i, 'SERIAL_PORT_NOT_FOUND'],
  [/permission denied|operation not permitted/i, 'SERIAL_PORT_DENIED'],
  [/cannot lock port|resource busy|temporarily unavailable|access denied/i, 'SERIAL_PORT_BUSY'],
];

/** What a failed `open` means. */
export function openError(path: string, cause: unknown): FlashError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const code = BY_TEXT.find(([pattern]) => pattern.test(text))?.[1] ?? 'SERIAL_PORT_FAILED';
  return new FlashError(code, `${path}: ${SENTENCES[code] ?? `cannot be opened (${text})`}`, { cause });
}

const SENTENCES: Partial<Record<ErrorCode, string>> = {
  SERIAL_PORT_NOT_FOUND: 'there is no such port',
  SERIAL_PORT_DENIED: 'this user may not use the port',
  SERIAL_PORT_BUSY: 'another program holds the port',
};

/** The same refusal with the programs that hold the port, as far as the system tells. */
export function heldError(path: string, holders: readonly PortHolder[], cause: unknown): FlashError {
  const names = holders.map(({ program, pid }) => `${program} (process ${pid})`).join(', ');
  return new FlashError('SERIAL_PORT_BUSY', `${path}: ${names} ${holders.length === 1 ? 'holds' : 'hold'} the port`, {
    cause,
    details: { holders },
  });
}

/** A read or write that the system refused: the device behind it is gone. */
export function lostError(path: string, cause: unknown): FlashError {
  const text = cause instanceof Error ? cause.message : 'end of file';
  return new FlashError('SERIAL_PORT_LOST', `${path}: the port went away (${text})`, { cause });
}

/** A call into the driver that never ended: SERIAL_PORT_STUCK. */
export function stuckError(path: string, call: string, limitMs: number): FlashError {
  return new FlashError('SERIAL_PORT_STUCK', `${path}: ${call} did not come back within ${Math.round(limitMs)} ms`);
}

/** A port that is a terminal without modem lines, such as a pty: ENOTTY or EINVAL on the ioctl. */
export function hasNoLines(cause: unknown): boolean {
  return cause instanceof Error && /inappropriate ioctl|invalid argument|not supported/i.test(cause.message);
}
