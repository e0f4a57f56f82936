import type { StoredImage } from '../model/image.ts';

/** Numbers with dots between them, and what may follow in a version: `2.4.0`, `1.0-rc.2`, Pycom's `1.20.2.r6`. */
const VERSION_IN_NAME = /(?<![\d.])\d+(?:\.\d+)+(?:\.(?:r|b|rc)\d+|-(?:alpha|beta|rc)[.\d]*)?/;

/** The version that the image says of itself, else the one in the name of its file; null: neither has one. */
export function versionIn(image: Pick<StoredImage, 'name' | 'dossier'> | null): string | null {
  if (image === null) return null;
  const { app, micropython } = image.dossier;
  // Before the description, which in builds of MicroPython tells of ESP-IDF or of nothing.
  if (micropython) return micropython.version;
  // Sketches built with the Arduino core carry the version of its ESP-IDF there (arduino-esp32, esp32-arduino-lib-builder).
  const own = app === null || app.project === 'arduino-lib-builder' ? '' : app.version;
  if (own !== '') return own;
  return VERSION_IN_NAME.exec(image.name)?.[0].replace(/\.$/, '') ?? null;
}
