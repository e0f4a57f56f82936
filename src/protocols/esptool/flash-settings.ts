import { FlashError } from '../../errors.ts';
import { byteAt, sha256Of } from '../../firmware/bytes.ts';
import { CHIP_FACTS, ESP32_FLASH_SIZES, ESP8266_FLASH_SIZES, FLASH_MODES } from '../../firmware/chips.ts';
import { readEsp32Image } from '../../firmware/formats/esp32.ts';
import { withFreshCrc } from '../../firmware/formats/esp8266-arduino.ts';
import { IMAGE_MAGIC } from '../../firmware/formats/header.ts';
import type { Chip } from '../../model/chip.ts';
import type { FlashMap } from '../../model/image.ts';
import type { Placement } from './placement.ts';

/** What the header of the first image in flash is to say; null: what it says already. */
export interface FlashSettings {
  /** `QIO`, `QOUT`, `DIO`, `DOUT`. */
  readonly mode: string | null;
  readonly frequencyMhz: number | null;
  readonly sizeBytes: number | null;
  /** Of an ESP8266 with the SDK's bootloader, which goes by the size in its own header. */
  readonly flashMap?: FlashMap | undefined;
}

/** Flash sizes "C1" of the SDK: the same size, divided in two large slots (ESP8266_NONOS_SDK, tools/gen_appbin.py, `flash_size_map`). */
const LARGE_SLOTS: Readonly<Record<number, number>> = { 2097152: 5, 4194304: 6 };

const MODE_BYTE = 2;
const SIZE_AND_FREQUENCY_BYTE = 3;
const DIGEST_BYTES = 32;

/**
 * The same bytes with the flash settings of the image that the ROM starts, and its digest or CRC made right again. Other images are left
 * as they are: nobody reads the settings there (esptool documentation, "Flash Modes").
 *
 * @throws FlashError SERIAL_UNSUPPORTED where a setting does not exist on this chip, or a signature would be broken
 */
export function withFlashSettings(placement: Placement, chip: Chip, settings: FlashSettings): Uint8Array {
  const { bytes, offset, dossier, name } = placement;
  const start = CHIP_FACTS[chip].bootloaderOffset - offset;
  const isUnchanged = settings.mode === null && settings.frequencyMhz === null && settings.sizeBytes === null;
  if (isUnchanged || dossier === null || start < 0 || byteAt(bytes, start) !== IMAGE_MAGIC) return bytes;
  if (dossier.signature !== null && dossier.kind !== 'merged') {
    throw new FlashError('SERIAL_UNSUPPORTED', `${name}: it is signed; other flash settings would break the signature`);
  }
  const patched = Buffer.from(bytes);
  const header = patched.subarray(start);
  const old = header[SIZE_AND_FREQUENCY_BYTE] ?? 0;
  const size = settings.sizeBytes === null ? old >> 4 : sizeNibble(chip, settings.sizeBytes, settings.flashMap);
  const frequency = settings.frequencyMhz === null ? old & 0xf : frequencyNibble(chip, settings.frequencyMhz);
  if (settings.mode !== null) header[MODE_BYTE] = keyOf(FLASH_MODES, settings.mode, `flash mode ${settings.mode}`);
  header[SIZE_AND_FREQUENCY_BYTE] = (size << 4) | frequency;
  if (chip === 'esp8266') return withFreshCrc(patched, dossier.endsAt ?? patched.length);
  sealAgain(header);
  return patched;
}

/** The appended SHA-256 is over the header as well; the checksum byte is not. */
function sealAgain(image: Buffer): void {
  const { digest, endsAt } = readEsp32Image(image) ?? { digest: null, endsAt: null };
  if (digest === null || endsAt === null) return;
  const sealed = endsAt - DIGEST_BYTES;
  image.write(sha256Of(image.subarray(0, sealed)), sealed, 'hex');
}

function sizeNibble(chip: Chip, sizeBytes: number, flashMap: FlashMap | undefined): number {
  const large = flashMap === '1024+1024' && chip === 'esp8266' ? LARGE_SLOTS[sizeBytes] : undefined;
  if (large !== undefined) return large;
  const sizes = chip === 'esp8266' ? ESP8266_FLASH_SIZES : ESP32_FLASH_SIZES;
  return keyOf(sizes, sizeBytes, `a flash size of ${sizeBytes} bytes`);
}

function frequencyNibble(chip: Chip, frequencyMhz: number): number {
  return keyOf(CHIP_FACTS[chip].flashFrequenciesMhz, frequencyMhz, `a flash frequency of ${frequencyMhz} MHz`);
}

function keyOf<T>(table: Readonly<Record<number, T>>, value: T, what: string): number {
  const [key] = Object.entries(table).find(([, entry]) => entry === value) ?? [];
  if (key === undefined) throw new FlashError('SERIAL_UNSUPPORTED', `this chip's image header cannot say ${what}`);
  return Number(key);
}
