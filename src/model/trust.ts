/** A minisign public key. */
export interface MinisignKey {
  /** As minisign prints it: base64, beginning with `RW`. */
  readonly text: string;
  /** Eight bytes, in upper case hex, the last one first, as minisign prints them. */
  readonly id: string;
  /** The Ed25519 key, 32 bytes, base64url. */
  readonly ed25519: string;
}

/** What a file needs to be used. Where both are given, it needs both. */
export interface Trust {
  /** A signature by one of these keys, beside the file as `<name>.minisig`. Empty: none is asked for. */
  readonly keys: readonly MinisignKey[];
  /** Its SHA-256 in this file; null: no such list. */
  readonly manifest: string | null;
}
