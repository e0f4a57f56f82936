import type { ErrorReport } from '../errors.ts';
import type { Chip } from './chip.ts';

/** What an image is, by its own bytes. `data` is a raw image that says nothing of itself. */
export type ImageKind =
  | 'app'
  | 'bootloader'
  | 'merged'
  | 'partition-table'
  | 'otadata'
  | 'filesystem'
  | 'data'
  /** Several images, each with its own place in flash. */
  | 'package';

/** Kinds of filesystem that an image may hold. */
export const FILESYSTEMS = ['littlefs', 'spiffs', 'fat'] as const;

/** The kind of a filesystem image. */
export type Filesystem = (typeof FILESYSTEMS)[number];

/**
 * How the bytes are laid out (esptool, "Firmware Image Format").
 * - `esp8266-arduino`: eboot at 0, the application at 0x1000; the only ESP8266 layout that eboot can install over the air.
 * - `esp8266-v1`, `-v2`, `-v3`: what the ROM, the SDK's second-stage bootloader, and the RTOS SDK's bootloader load.
 * - `esp8266-user`: what SDKs before 1.0 build for their bootloader 1.1: a version 1 image, and the mapped code at 0x10000.
 * - `esp32`: with the extended header.
 * - `cc3200`: the application of a WiPy 1, known by its MD5 at the end alone.
 */
export type ImageFormat =
  | 'esp8266-arduino'
  | 'esp8266-v1'
  | 'esp8266-v2'
  | 'esp8266-v3'
  | 'esp8266-user'
  | 'esp32'
  | 'cc3200'
  | 'partition-table'
  | 'otadata'
  | 'filesystem'
  | 'package'
  | 'raw';

/**
 * Does the image end where its bytes end?
 * - `complete`: its structure says so, with checksum and hash right.
 * - `may-continue`: complete so far, but such a prefix may be only the first part of a larger image (eboot, the bootloader of a
 *   merged image, an image before its signature), or no more than an 8-bit checksum vouches for it.
 * - `truncated`: it ends too early.
 * - `unknown`: the format does not carry its length, or the image is damaged and its own word counts for nothing.
 */
export type Completeness = 'complete' | 'may-continue' | 'truncated' | 'unknown';

/** One piece of an image, and where the boot loader puts it. */
export interface Segment {
  readonly loadAddress: number;
  readonly sizeBytes: number;
  readonly fileOffset: number;
  /** `IROM`, `DRAM`, `PADDING`, …; null where the address belongs to no known region of the chip. */
  readonly region: string | null;
}

/** `esp_app_desc_t` (ESP-IDF), with Arduino's habits kept as they are: `project` may be `arduino-lib-builder`. */
export interface AppDescription {
  readonly project: string;
  readonly version: string;
  readonly idfVersion: string;
  readonly compiledAt: string;
  readonly elfSha256: string;
  readonly secureVersion: number;
}

/** `esp_bootloader_desc_t` (ESP-IDF 5.2 and later). */
export interface BootloaderDescription {
  readonly version: number;
  readonly idfVersion: string;
  readonly compiledAt: string;
}

/** What MicroPython says when it starts: a text that its image holds in one piece. */
export interface MicroPythonBanner {
  /** `1.20.2.r6`: without the `v` in front. */
  readonly version: string;
  /** `2021-10-28`. */
  readonly builtOn: string;
  /** `WiPy`, `LoPy4`, `Generic ESP32 module`. */
  readonly board: string;
  /** `ESP32`, `CC3200`. */
  readonly mcu: string;
}

/** One image inside a merged one. */
export interface ImagePart {
  readonly kind: ImageKind;
  readonly fileOffset: number;
  readonly sizeBytes: number;
}

/** One line of a partition table (ESP-IDF, "Partition Tables"). */
export interface Partition {
  readonly label: string;
  readonly type: number;
  readonly subtype: number;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly isEncrypted: boolean;
  readonly isReadOnly: boolean;
}

/**
 * Who made a package, and so how it says what goes where.
 * - `esp-idf`: `flasher_args.json` of a build. `esp-web-tools`: `manifest.json`. `pycom`: the scripts of Pycom's updater.
 * - `arduino`: the output of Arduino or PlatformIO, without a word on the places: the chip and the partition table tell them.
 * - `esp-at`: a release of AT firmware (or any other of the ESP8266 SDK): user1 and user2, and what a first installation needs beside them.
 */
export type PackageSource = 'esp-idf' | 'esp-web-tools' | 'pycom' | 'arduino' | 'esp-at';

/** What a package would do to one kind of board. Offsets are flash addresses. */
export interface PackageSet {
  readonly chip: Chip | null;
  /** The flash it is meant for; null: any that is large enough. */
  readonly flashSizeBytes: number | null;
  /** For boards with flash encryption: its images are encrypted already. */
  readonly isEncrypted: boolean;
  readonly parts: readonly PackagePart[];
  /** Erased before anything is written. */
  readonly erase: readonly FlashRange[];
}

/** One image of a package, with its place. */
export interface PackagePart {
  readonly name: string;
  /** In the package; left out where the part was made here, and where an older dropflash read the package. */
  readonly file?: string;
  readonly kind: ImageKind;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A stretch of flash, in bytes. */
export interface FlashRange {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** What a package says of itself, and its parts. */
export interface PackageContents {
  readonly source: PackageSource;
  /** As its manifest says. */
  readonly name: string | null;
  readonly version: string | null;
  /** One for each chip and flash size that it has images for. */
  readonly sets: readonly PackageSet[];
}

/** How an ESP8266's flash is divided between the two firmware slots of Espressif's SDK, in KB. */
export const FLASH_MAPS = ['256+256', '512+512', '1024+1024'] as const;

/** How an ESP8266's flash is divided for two applications (ESP8266 SDK). */
export type FlashMap = (typeof FLASH_MAPS)[number];

/** Each SDK release is two images, `user1.bin` and `user2.bin`, linked for their places: the one that runs fetches the other. */
export interface UserSlot {
  /** Null: it does not say. */
  readonly user: 1 | 2 | null;
  /** Null: it does not say. */
  readonly flashMap: FlashMap | null;
}

/** All that can be read out of an image offline. */
export interface Dossier {
  readonly kind: ImageKind;
  readonly format: ImageFormat;
  /** `gzip` images are inflated by eboot on an ESP8266; the other fields tell of the inflated image. The others hold packages. */
  readonly container: 'none' | 'gzip' | 'zip' | 'tar' | 'tar.gz';
  readonly filesystem: Filesystem | null;
  readonly chip: Chip | null;
  readonly sizeBytes: number;
  /** Size after inflating; equal to `sizeBytes` without a container. */
  readonly contentBytes: number;
  readonly completeness: Completeness;
  /** Where its own structure ends, signature included, as an offset into the content; null where the format does not say. */
  readonly endsAt: number | null;
  /** The flash address of its first byte, where the image itself settles that (merged images, bootloaders, partition tables). */
  readonly flashOffset: number | null;
  /** `QIO`, `QOUT`, `DIO`, `DOUT`. */
  readonly flashMode: string | null;
  readonly flashSizeBytes: number | null;
  readonly flashFrequencyMhz: number | null;
  readonly entryPoint: number | null;
  /** Major * 100 + minor; null where the image does not say. */
  readonly minChipRevision: number | null;
  readonly maxChipRevision: number | null;
  readonly segments: readonly Segment[];
  readonly checksum: { readonly stored: number; readonly computed: number } | null;
  /** The SHA-256 appended to ESP32-family images. */
  readonly digest: { readonly stored: string; readonly computed: string } | null;
  /** The MD5 in 32 hex digits that Pycom's build appended until 1.17.1, and still does for the WiPy 1. */
  readonly md5Tail: { readonly stored: string; readonly computed: string } | null;
  /** CRC-32 of an ESP8266 image: elf2bin's over an Arduino image, the SDK's behind a version 2 image. */
  readonly crc: { readonly stored: number; readonly computed: number } | null;
  /** Of an image that Espressif's ESP8266 SDK built as one half of a release (AT firmware, and others with its bootloader). */
  readonly userSlot: UserSlot | null;
  readonly app: AppDescription | null;
  /** Null as well where an older dropflash read the image. */
  readonly micropython: MicroPythonBanner | null;
  readonly bootloader: BootloaderDescription | null;
  /** Recognised, not verified: that takes the public key. */
  readonly signature: 'secure-boot-v2' | 'arduino' | null;
  /** Of a merged image, in file order. */
  readonly parts: readonly ImagePart[] | null;
  readonly partitions: readonly Partition[] | null;
  /** Of a package only. */
  readonly package: PackageContents | null;
  /** What is wrong with it; an image with any of them is rejected. */
  readonly problems: readonly ErrorReport[];
  /** What a careful person would want to know, and that is no reason to reject. */
  readonly remarks: readonly string[];
}

/** A firmware image as the store keeps it. */
export interface StoredImage {
  /** Lower case hex. */
  readonly sha256: string;
  /** The name it was dropped under; the bytes are the identity, not the name. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly dossier: Dossier;
}

/** A firmware image with its bytes in memory, ready to be sent. */
export interface FirmwareImage extends StoredImage {
  readonly bytes: Uint8Array;
}
