import { createHash } from 'node:crypto';

/** What the image is to say of itself. */
export interface SampleImage {
  readonly chip: 'esp8266' | 'esp32';
  readonly sizeBytes: number;
  /** Goes into the code, so that each version has bytes of its own; an ESP32 image also says it. */
  readonly version: string;
  /** MicroPython's, in an ESP32 image. */
  readonly banner?: string;
}

interface Segment {
  readonly loadAddress: number;
  readonly data: Buffer;
}

const HEADER_BYTES = 8;
const SEGMENT_HEADER_BYTES = 8;
/** Checksum byte, in the last place of its 16-byte line. */
const CHECKSUM_SEED = 0xef;
/** Where eboot looks for the application (esp8266/Arduino, bootloaders/eboot). */
const APP_OFFSET = 0x1000;
/** The first bytes of its code hold the size of the image and its CRC-32 (esp8266/Arduino, tools/elf2bin.py, `add_crc`). */
const SEAL_OFFSET = APP_OFFSET + 16;
const SEAL_BYTES = 8;

/**
 * A well-formed application image whose code does nothing: for the demo and for trying things out, on simulated devices only.
 * Layout: esptool, "Firmware Image Format"; ESP-IDF, "App Image Format".
 */
export function sampleImage(sample: SampleImage): Uint8Array {
  return sample.chip === 'esp8266' ? esp8266Image(sample) : esp32Image(sample);
}

/** eboot, then the application at 0x1000, sealed as esp8266/Arduino builds it: the checksum and the CRC count the seal as zero. */
function esp8266Image({ sizeBytes, version }: SampleImage): Uint8Array {
  const eboot = withChecksum(header(1, 0x4010f000), [{ loadAddress: 0x4010f000, data: code('eboot', 256) }]);
  const data = code(version, codeBytes(sizeBytes - APP_OFFSET, HEADER_BYTES)).fill(0, 0, SEAL_BYTES);
  const gap = Buffer.alloc(APP_OFFSET - eboot.length, 0xff);
  const application = withChecksum(header(1, 0x40201010), [{ loadAddress: 0x40201010, data }]);
  const image = Buffer.concat([eboot, gap, application]);
  const crc = ebootCrc(image);
  image.writeUInt32LE(image.length, SEAL_OFFSET);
  image.writeUInt32LE(crc, SEAL_OFFSET + 4);
  return image;
}

/** CRC-32 with the most significant bit first and no inversion at the end (esp8266/Arduino, bootloaders/eboot/eboot.c). */
function ebootCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

/** Flash-mapped data that begins with the app description, and the SHA-256 at the end. */
function esp32Image({ sizeBytes, version, banner = '' }: SampleImage): Uint8Array {
  const extended = Buffer.from([0xee, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 1]);
  const head = Buffer.concat([header(1, 0x40080000), extended]);
  const description = Buffer.alloc(256);
  description.writeUInt32LE(0xabcd5432, 0);
  description.write(version, 16, 31, 'latin1');
  description.write('dropflash-sample', 48, 31, 'latin1');
  const digestBytes = 32;
  const rest = code(version, codeBytes(sizeBytes - digestBytes, head.length) - description.length);
  if (banner !== '') rest.write(`\0${banner}\r\n\0`, 'latin1');
  const image = withChecksum(head, [{ loadAddress: 0x3f400020, data: Buffer.concat([description, rest]) }]);
  return Buffer.concat([image, createHash('sha256').update(image).digest()]);
}

/** Flash mode DIO, 4 MiB, 40 MHz. */
function header(segments: number, entryPoint: number): Buffer {
  const bytes = Buffer.from([0xe9, segments, 2, 0x40, 0, 0, 0, 0]);
  bytes.writeUInt32LE(entryPoint, 4);
  return bytes;
}

/** How much code makes the whole image as long as asked, in whole words. */
function codeBytes(sizeBytes: number, headerBytes: number): number {
  return Math.max(512, (sizeBytes - headerBytes - SEGMENT_HEADER_BYTES - 16) & ~3);
}

/** Bytes that look like code to no one and that no two versions share. */
function code(seed: string, sizeBytes: number): Buffer {
  const blocks: Buffer[] = [];
  for (let nth = 0; nth * 32 < sizeBytes; nth += 1) {
    blocks.push(createHash('sha256').update(`${seed}/${nth}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, sizeBytes);
}

function withChecksum(head: Buffer, segments: readonly Segment[]): Buffer {
  const body = segments.flatMap(({ loadAddress, data }) => {
    const start = Buffer.alloc(SEGMENT_HEADER_BYTES);
    start.writeUInt32LE(loadAddress, 0);
    start.writeUInt32LE(data.length, 4);
    return [start, data];
  });
  const unsummed = Buffer.concat([head, ...body]);
  const tail = Buffer.alloc(16 - (unsummed.length % 16));
  tail[tail.length - 1] = segments.reduce(
    (sum, { data }) => data.reduce((xor, byte) => xor ^ byte, sum),
    CHECKSUM_SEED,
  );
  return Buffer.concat([unsummed, tail]);
}
