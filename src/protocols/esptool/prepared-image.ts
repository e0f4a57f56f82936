import { once } from 'node:events';
import { promisify } from 'node:util';
import { constants, createInflate, deflate } from 'node:zlib';

import { openPackageApart } from '../../firmware/apart/read-apart.ts';
import { hashInSteps, hexOf } from '../../firmware/bytes.ts';
import type { FirmwarePackage } from '../../firmware/packages/flash-set.ts';

const deflateOffLoop = promisify(deflate);

const ALIGNMENT = 4;

/** Bytes for one place in flash, ready to be sent. */
export interface PreparedImage {
  /** Padded to whole words with FF, as flash is when erased. */
  readonly bytes: Uint8Array;
  /** Lower case hex. */
  readonly md5: string;
  /** zlib, level 9; null where that is not smaller. */
  readonly deflated: Uint8Array | null;
}

/** Pads, hashes and compresses, without holding up the event loop. */
export async function prepareImage(image: Uint8Array, withDeflate: boolean): Promise<PreparedImage> {
  const bytes = padded(image);
  const [md5, deflated] = await Promise.all([
    md5Of(bytes),
    withDeflate ? deflateOffLoop(bytes, { level: constants.Z_BEST_COMPRESSION }) : null,
  ]);
  return { bytes, md5, deflated: deflated !== null && deflated.length < bytes.length ? deflated : null };
}

/**
 * Prepared images and opened packages, by the bytes they were made of, as long as somebody holds those: sixteen boards on sixteen ports get
 * the same image, and compressing it is most of the work.
 */
export class PreparedImages {
  readonly #deflated = new WeakMap<Uint8Array, Promise<PreparedImage>>();
  readonly #packages = new WeakMap<Uint8Array, Promise<FirmwarePackage>>();

  prepare(image: Uint8Array, withDeflate: boolean): Promise<PreparedImage> {
    if (!withDeflate) return prepareImage(image, false);
    let prepared = this.#deflated.get(image);
    if (prepared === undefined) {
      prepared = prepareImage(image, true);
      this.#deflated.set(image, prepared);
    }
    return prepared;
  }

  /** @throws FlashError with the first of its problems */
  open(bytes: Uint8Array): Promise<FirmwarePackage> {
    const known = this.#packages.get(bytes);
    if (known !== undefined) return known;
    const opened = openPackageApart(bytes);
    this.#packages.set(bytes, opened);
    return opened;
  }
}

function padded(image: Uint8Array): Uint8Array {
  const missing = (ALIGNMENT - (image.length % ALIGNMENT)) % ALIGNMENT;
  if (missing === 0) return image;
  const bytes = new Uint8Array(image.length + missing).fill(0xff, image.length);
  bytes.set(image);
  return bytes;
}

/** Lower case hex. */
export async function md5Of(bytes: Uint8Array): Promise<string> {
  return hexOf(await hashInSteps('md5', bytes));
}

/** How many bytes each block of a zlib stream inflates to: a block of a few bytes may stand for megabytes, and take as long to write. */
export async function inflatedSizes(blocks: readonly Uint8Array[]): Promise<number[]> {
  const inflate = createInflate();
  const sizes: number[] = [];
  let produced = 0;
  inflate.on('data', (bytes: Buffer) => {
    produced += bytes.length;
  });
  for (const block of blocks) {
    const before = produced;
    await new Promise<void>((resolve, reject) => inflate.write(block, (error) => (error ? reject(error) : resolve())));
    sizes.push(produced - before);
  }
  inflate.end();
  await once(inflate, 'close');
  return sizes;
}

/** Views into `bytes`, not copies; the last one may be shorter. */
export function blocksOf(bytes: Uint8Array, blockBytes: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / blockBytes) }, (_, index) =>
    bytes.subarray(index * blockBytes, (index + 1) * blockBytes),
  );
}
