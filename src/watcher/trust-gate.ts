import { readFile, stat } from 'node:fs/promises';
import { FlashError } from '../errors.ts';
import { verifySignature } from '../firmware/minisign.ts';
import type { Trust } from '../model/trust.ts';
import { type EntryName, SIGNATURE_SUFFIX } from './entry-name.ts';
import { errorCode, lookAt, pathIn } from './files.ts';
import { LARGEST_SIDECAR_BYTES } from './sidecar.ts';

/** A list of many thousand images; anything larger is something else. */
const LARGEST_MANIFEST_BYTES = 4_000_000;

const LISTED = /^\\?([0-9a-f]{64})(?:[ \t]|$)/i;

/** What stands between a file and everything that would read it further: it has to be vouched for. */
export class TrustGate {
  readonly #root: string;
  readonly #trust: Trust;

  constructor(root: string, trust: Trust) {
    this.#root = root;
    this.#trust = trust;
  }

  /** Why this file may not be used; null where it may. Throws TRUST_MANIFEST where that cannot be told. */
  async objection(name: EntryName, bytes: Uint8Array, sha256: string): Promise<FlashError | null> {
    const { keys, manifest } = this.#trust;
    const unsigned = keys.length === 0 ? null : await this.#bySignature(name, bytes);
    return unsigned ?? (manifest === null ? null : byManifest(name, sha256, manifest));
  }

  async #bySignature(name: EntryName, bytes: Uint8Array): Promise<FlashError | null> {
    const text = await this.#signatureOf(name);
    if (text === null) {
      return new FlashError(
        'TRUST_UNSIGNED',
        `"${name.text}" has no signature ${name.text}${SIGNATURE_SUFFIX} beside it`,
      );
    }
    const verdict = await verifySignature(bytes, text, this.#trust.keys);
    switch (verdict.kind) {
      case 'good':
        return null;
      case 'unknown-key':
        return new FlashError(
          'TRUST_UNKNOWN_KEY',
          `"${name.text}" is signed by key ${verdict.keyId}, which the config does not name`,
        );
      case 'bad':
        return new FlashError(
          'TRUST_BAD_SIGNATURE',
          `the signature of "${name.text}" does not hold: ${verdict.reason}`,
        );
    }
  }

  /** Null where there is none; an empty text where it is no plain file of a signature's size. */
  async #signatureOf(name: EntryName): Promise<string | null> {
    const path = pathIn(this.#root, name, SIGNATURE_SUFFIX);
    const look = await lookAt(path);
    if (look === null) return null;
    if (look.type !== 'file' || look.snapshot.sizeBytes > LARGEST_SIDECAR_BYTES) return '';
    return readFile(path, 'utf8');
  }
}

async function byManifest(name: EntryName, sha256: string, path: string): Promise<FlashError | null> {
  const hashes = await readManifest(path);
  if (hashes.has(sha256)) return null;
  return new FlashError('TRUST_NOT_LISTED', `"${name.text}" with the SHA-256 ${sha256} is not listed in ${path}`);
}

/** By hash alone: bytes are the identity, and a file may have been renamed. */
async function readManifest(path: string): Promise<ReadonlySet<string>> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST_MANIFEST_BYTES) throw new RangeError(`it has ${size} bytes`);
    const lines = (await readFile(path, 'utf8')).split(/\r?\n/);
    return new Set(lines.flatMap((line) => LISTED.exec(line)?.[1]?.toLowerCase() ?? []));
  } catch (cause) {
    const why = errorCode(cause) ?? String(cause);
    throw new FlashError('TRUST_MANIFEST', `the checksum manifest ${path} cannot be read (${why})`, { cause });
  }
}
