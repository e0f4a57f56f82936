import { createHash, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { Login } from './codec.ts';
import { NONCE_LENGTH, PBKDF2_BYTES, PBKDF2_ROUNDS } from './constants.ts';

/**
 * How a device may have stored the password.
 * - `md5`: esp8266 and arduino-esp32 up to 3.3.0.
 * - `sha256`: arduino-esp32 from 3.3.1.
 * - `sha256-of-md5`: the same, in a sketch that still carries an MD5 hash (`setPasswordHash`).
 */
export type LoginKind = 'md5' | 'sha256' | 'sha256-of-md5';

const deriveKey = promisify(pbkdf2);

/** The logins worth trying for a challenge, likeliest first. The device cannot be asked which of them it expects. */
export function loginKinds(nonce: string): readonly LoginKind[] {
  return nonce.length === NONCE_LENGTH.md5 ? ['md5'] : ['sha256', 'sha256-of-md5'];
}

/** A fresh answer to a challenge. */
export async function answerChallenge(kind: LoginKind, password: string, nonce: string): Promise<Login> {
  const cnonce = randomBytes(nonce.length / 2).toString('hex');
  return { cnonce, response: await loginResponse(kind, password, { nonce, cnonce }) };
}

/** ArduinoOTA.cpp, `_onRx` of each core. All hashes are used as lower case hex text, never as bytes. */
export async function loginResponse(
  kind: LoginKind,
  password: string,
  { nonce, cnonce }: { readonly nonce: string; readonly cnonce: string },
): Promise<string> {
  if (kind === 'md5') return hash('md5', `${hash('md5', password)}:${nonce}:${cnonce}`);
  const stored = hash(kind === 'sha256' ? 'sha256' : 'md5', password);
  const key = await deriveKey(stored, `${nonce}:${cnonce}`, PBKDF2_ROUNDS, PBKDF2_BYTES, 'sha256');
  return hash('sha256', `${key.toString('hex')}:${nonce}:${cnonce}`);
}

function hash(algorithm: 'md5' | 'sha256', text: string): string {
  return createHash(algorithm).update(text, 'utf8').digest('hex');
}
