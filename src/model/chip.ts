/** Chips by the names esptool and ESP-IDF give them (`CONFIG_IDF_TARGET`). */
export const CHIPS = [
  'esp8266',
  'esp32',
  'esp32s2',
  'esp32s3',
  'esp32s31',
  'esp32c2',
  'esp32c3',
  'esp32c5',
  'esp32c6',
  'esp32c61',
  'esp32h2',
  'esp32h21',
  'esp32h4',
  'esp32p4',
  'esp32e22',
] as const;

/** One of {@link CHIPS}. */
export type Chip = (typeof CHIPS)[number];
