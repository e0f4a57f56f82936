import * as z from 'zod';
import { parsePublicKey } from '../firmware/minisign.ts';
import type { Trust } from '../model/trust.ts';
import { expecting, listOf, path, refuse, text } from './values.ts';

/** `trust:`; null where nothing is asked for. */
export const trustSchema = ({ resolvePath }: { readonly resolvePath: (path: string) => string }) =>
  z
    .strictObject(
      {
        minisign: listOf(publicKey(), 'public keys')
          .default([])
          .describe(
            'Public keys of minisign: only files that one of them has signed are used. Empty: no signature is asked for.',
          ),
        checksums: path('the path of a checksum file', resolvePath)
          .optional()
          .describe('A list that sha256sum has written: only files whose SHA-256 is in it are used.'),
      },
      expecting('a mapping with minisign and checksums'),
    )
    .transform(({ minisign, checksums }): Trust | null =>
      minisign.length === 0 && checksums === undefined ? null : { keys: minisign, manifest: checksums ?? null },
    );

function publicKey() {
  const what = 'a minisign public key (the line that begins with RW)';
  return text(what).transform(
    (value, context) => parsePublicKey(value) ?? refuse(context, expecting(what).error({ input: value })),
  );
}
