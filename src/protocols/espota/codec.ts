import { Command, type UpdateCommand } from './constants.ts';

/** What the first datagram says. */
export interface Invitation {
  readonly command: UpdateCommand;
  /** Where this machine listens for the device's connection. */
  readonly tcpPort: number;
  readonly sizeBytes: number;
  /** Lower case hex: arduino-esp32 2.x compares it letter by letter. */
  readonly md5: string;
}

/** The answer to a nonce. */
export interface Login {
  /** As long as the nonce, hex, different each time. */
  readonly cnonce: string;
  readonly response: string;
}

/** A datagram of the device. */
export type Reply =
  | { readonly kind: 'ok' }
  /** The nonce is hex text of 32 or 64 digits and is hashed as text. */
  | { readonly kind: 'auth'; readonly nonce: string }
  | { readonly kind: 'auth-failed' }
  /** An ESP8266 updater does not even begin. */
  | { readonly kind: 'refused'; readonly words: string }
  | { readonly kind: 'unknown'; readonly words: string };

/** `<command> <tcp port> <size> <md5>\n` */
export function encodeInvitation({ command, tcpPort, sizeBytes, md5 }: Invitation): Uint8Array {
  return Buffer.from(`${command} ${tcpPort} ${sizeBytes} ${md5.toLowerCase()}\n`, 'latin1');
}

/** `200 <cnonce> <response>\n` */
export function encodeLogin({ cnonce, response }: Login): Uint8Array {
  return Buffer.from(`${Command.AUTH} ${cnonce} ${response}\n`, 'latin1');
}

/** Never fails: what no device is known to say comes back as `unknown`, with its text. */
export function decodeReply(datagram: Uint8Array): Reply {
  const text = decodeText(datagram).trim();
  if (text === 'OK') return { kind: 'ok' };
  if (text === 'Authentication Failed') return { kind: 'auth-failed' };
  const nonce = /^AUTH ([0-9a-f]{64}|[0-9a-f]{32})$/i.exec(text)?.[1];
  if (nonce !== undefined) return { kind: 'auth', nonce };
  if (text.startsWith('ERR:')) return { kind: 'refused', words: text.slice('ERR:'.length).trim() };
  return { kind: 'unknown', words: text };
}

/** One character per byte, whatever the bytes are. */
export function decodeText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

const PRINTABLE_LIMIT = 200;

/** A device's words as they may stand in a message or a log line: one line, printable ASCII, not endless. */
export function printable(words: string): string {
  const line = words
    .slice(0, PRINTABLE_LIMIT)
    .trim()
    .replace(/[^ -~]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return words.length > PRINTABLE_LIMIT ? `${line}…` : line;
}
