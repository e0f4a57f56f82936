import { FlashError } from '../errors.ts';
import type { FirmwareImage } from '../model/image.ts';
import type { Journal } from './journal/journal.ts';

/**
 * Loads images from the store for attempts. Attempts of one image at the same time share its bytes; when the last of them has let go, the
 * memory is free again.
 */
export function imageLoader(
  journal: Journal,
  read: (sha256: string) => Promise<Uint8Array>,
): (sha256: string) => Promise<FirmwareImage> {
  const shared = new Map<string, WeakRef<FirmwareImage>>();
  const loading = new Map<string, Promise<FirmwareImage>>();

  async function load(sha256: string): Promise<FirmwareImage> {
    const known = journal.images.get(sha256);
    if (known === null) throw new FlashError('JOB_IMAGE_GONE', `the journal has no image ${sha256}`);
    const image: FirmwareImage = { ...known, bytes: await read(sha256) };
    for (const [other, held] of shared) if (held.deref() === undefined) shared.delete(other);
    shared.set(sha256, new WeakRef(image));
    return image;
  }

  return (sha256) => {
    const held = shared.get(sha256)?.deref();
    if (held !== undefined) return Promise.resolve(held);
    const underWay = loading.get(sha256) ?? load(sha256).finally(() => loading.delete(sha256));
    loading.set(sha256, underWay);
    return underWay;
  };
}
