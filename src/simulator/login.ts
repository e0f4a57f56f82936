import { createHash, pbkdf2Sync } from 'node:crypto';
import type { LoginAnswer } from './datagram.ts';

/** The password as a sketch keeps it: the hash, never the text. */
export interface Login {
  /** What the device challenges with: MD5 (ESP8266, arduino-esp32 up to 3.3.0) or SHA-256 (from 3.3.1). */
  readonly scheme: 'md5' | 'sha256';
  /** The hex text that enters the sums; a sketch may store it in upper case, or an MD5 hash on a SHA-256 device. */
  readonly storedHash: string;
}

const HEX_LENGTH = { md5: 32, sha256: 64 } as const;
/** arduino-esp32, ArduinoOTA.cpp since 3.3.1. */
const PBKDF2_ROUNDS = 10_000;

/** In lower case, as both cores write it. */
export function hexDigest(algorithm: 'md5' | 'sha256', data: string | Uint8Array): string {
  return createHash(algorithm).update(data).digest('hex');
}

/** `setPassword()`: hashed at once, by the scheme of the core. */
export function loginFromPassword(scheme: Login['scheme'], password: string): Login {
  return { scheme, storedHash: hexDigest(scheme, password) };
}

/** The devices hash the microseconds since start. */
export function makeNonce(scheme: Login['scheme'], micros: number): string {
  return hexDigest(scheme, String(micros));
}

/** What the cores look at before they compute anything. */
export function hasRightLengths(login: Login, answer: LoginAnswer): boolean {
  const length = HEX_LENGTH[login.scheme];
  return answer.cnonce.length === length && answer.response.length === length;
}

/** What a client that knows the password answers. PBKDF2 takes about 10 ms of this process. */
export function expectedResponse(login: Login, nonce: string, cnonce: string): string {
  if (login.scheme === 'md5') return hexDigest('md5', `${login.storedHash}:${nonce}:${cnonce}`);
  const key = pbkdf2Sync(login.storedHash, `${nonce}:${cnonce}`, PBKDF2_ROUNDS, 32, 'sha256').toString('hex');
  return hexDigest('sha256', `${key}:${nonce}:${cnonce}`);
}
