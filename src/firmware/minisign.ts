import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { promisify } from 'node:util';
import type { MinisignKey } from '../model/trust.ts';
import { hashInSteps } from './bytes.ts';

/** With a callback it works on another thread. */
const verifyApart: (algorithm: null, data: Uint8Array, key: KeyObject, signature: Uint8Array) => Promise<boolean> =
  promisify(verify);

/** What a signature turned out to be. */
export type SignatureVerdict =
  | { readonly kind: 'good'; readonly keyId: string; readonly comment: string }
  | { readonly kind: 'bad'; readonly reason: string }
  /** Well-formed, by a key that is not among those given. */
  | { readonly kind: 'unknown-key'; readonly keyId: string };

// The format: minisign, "Signature format" and "Public key format" (jedisct1.github.io/minisign).
const KEY_BYTES = 42;
const SIGNATURE_BYTES = 74;
const GLOBAL_BYTES = 64;
/** `Ed`: the file itself is signed. `ED`: its BLAKE2b-512. Public keys always say `Ed`. */
const LEGACY = 'Ed';
const PREHASHED = 'ED';
const TRUSTED_COMMENT = 'trusted comment: ';

/** A public key as minisign prints it, or null where it is none. */
export function parsePublicKey(text: string): MinisignKey | null {
  const bytes = decode(text, KEY_BYTES);
  if (bytes === null || algorithmOf(bytes) !== LEGACY) return null;
  return { text, id: idOf(bytes), ed25519: bytes.toString('base64url', 10) };
}

/** Checks the text of a `.minisig` file over the bytes of the file it is for, trusted comment included. */
export async function verifySignature(
  bytes: Uint8Array,
  text: string,
  keys: readonly MinisignKey[],
): Promise<SignatureVerdict> {
  const [, signatureLine = '', commentLine = '', globalLine = ''] = text.split(/\r?\n/);
  const signature = decode(signatureLine, SIGNATURE_BYTES);
  const global = decode(globalLine, GLOBAL_BYTES);
  if (signature === null || global === null || !commentLine.startsWith(TRUSTED_COMMENT)) {
    return { kind: 'bad', reason: 'it is no minisign signature' };
  }
  const algorithm = algorithmOf(signature);
  if (algorithm !== LEGACY && algorithm !== PREHASHED) return { kind: 'bad', reason: 'its algorithm is not known' };
  const keyId = idOf(signature);
  const key = keys.find(({ id }) => id === keyId);
  if (key === undefined) return { kind: 'unknown-key', keyId };
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key.ed25519 }, format: 'jwk' });
  const signed = algorithm === PREHASHED ? await hashInSteps('blake2b512', bytes) : bytes;
  const own = signature.subarray(10);
  if (!(await verifyApart(null, signed, publicKey, own))) return { kind: 'bad', reason: 'it is not for these bytes' };
  const comment = commentLine.slice(TRUSTED_COMMENT.length);
  const isCommentGood = await verifyApart(null, Buffer.concat([own, Buffer.from(comment)]), publicKey, global);
  return isCommentGood ? { kind: 'good', keyId, comment } : { kind: 'bad', reason: 'its trusted comment was changed' };
}

/** Only the one spelling that these bytes have: base64 leaves bits unused at its end, and Node skips what it does not know. */
function decode(line: string, sizeBytes: number): Buffer | null {
  const bytes = Buffer.from(line, 'base64');
  return bytes.length === sizeBytes && bytes.toString('base64') === line ? bytes : null;
}

const algorithmOf = (bytes: Buffer) => bytes.toString('latin1', 0, 2);

const idOf = (bytes: Buffer) => Buffer.from(bytes.subarray(2, 10)).reverse().toString('hex').toUpperCase();
