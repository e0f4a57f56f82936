import { createHash } from 'node:crypto';
import type { Core, CoreFacts } from './cores.ts';
import { COMMAND_APP, type Invitation } from './datagram.ts';
import { hexDigest } from './login.ts';
import { errorText, type UpdateError } from './update-errors.ts';

const SECTOR_BYTES = 4096;
const APP_MAGIC = 0xe9;
/** RFC 1952, section 2.3.1. */
const GZIP_MAGIC = [0x1f, 0x8b] as const;

/** ESP-IDF, "App Image Format": `esp_app_desc_t` is the first data behind image header and segment header; its magic word and version. */
const DESCRIPTION_AT = 32;
const DESCRIPTION_MAGIC = 0xabcd5432;
const VERSION_AT = DESCRIPTION_AT + 16;
/** As much of an image as is kept to be looked at. */
const HEAD_BYTES = VERSION_AT + 32;

/** What reached the flash and was found right. */
export interface InstalledImage {
  readonly kind: 'app' | 'filesystem';
  readonly sha256: string;
  readonly md5: string;
  readonly sizeBytes: number;
  /** What an ESP32 application says of itself; null: nothing. */
  readonly version: string | null;
}

/** The flash that an update meets. */
export interface Flash {
  readonly core: Core;
  readonly chip: CoreFacts['chip'];
  readonly appSpaceBytes: number;
  readonly filesystemSpaceBytes: number;
  /** The sector that holds this byte cannot be written. */
  readonly badByte: number | null;
  /** The device adds up another MD5 than the one that was announced. */
  readonly isChecksumWrong: boolean;
  /** The update is refused for this reason before its first byte, respectively after its last. */
  readonly refusesToBegin: UpdateError | null;
  readonly refusesToEnd: UpdateError | null;
}

/**
 * The `Update` object of both cores: takes the bytes of one image in any portions, writes sector by sector, and judges at
 * the end. Whole sectors wait in a buffer until a further byte comes (Updater.cpp, `write()`).
 */
export class Updater {
  readonly #flash: Flash;
  readonly #announced: Invitation;
  readonly #md5 = createHash('md5');
  readonly #sha256 = createHash('sha256');
  #taken = 0;
  #flushed = 0;
  #head = Buffer.alloc(0);
  #error: UpdateError | null = null;
  #calculatedMd5 = '';

  constructor(flash: Flash, announced: Invitation) {
    this.#flash = flash;
    this.#announced = announced;
  }

  /** `Update.begin()`: false where the image does not fit. */
  begin(): boolean {
    const { command, sizeBytes } = this.#announced;
    const space = command === COMMAND_APP ? this.#flash.appSpaceBytes : this.#flash.filesystemSpaceBytes;
    if (this.#flash.refusesToBegin !== null) this.#error = this.#flash.refusesToBegin;
    else if (sizeBytes === 0) this.#error = 'size';
    else if (sizeBytes > space) this.#error = this.#flash.chip === 'esp8266' ? 'space' : 'size';
    return this.#error === null;
  }

  /** An error counts as the end: the cores reset size and position to zero. */
  get isFinished(): boolean {
    return this.#error !== null || this.#flushed === this.#announced.sizeBytes;
  }

  /** Bytes that went in, flushed or not. */
  get taken(): number {
    return this.#taken;
  }

  /** Bytes that the image still lacks. */
  get remaining(): number {
    return this.#announced.sizeBytes - this.#taken;
  }

  get errorText(): string {
    return errorText(this.#flash.chip, this.#error ?? 'ok', {
      expected: this.#announced.md5,
      calculated: this.#calculatedMd5,
    });
  }

  /**
   * Takes `bytes`; tells how many of them were written or buffered without an error, and how many sectors went to the flash.
   */
  write(bytes: Uint8Array): { readonly written: number; readonly sectors: number } {
    if (this.isFinished) return { written: 0, sectors: 0 };
    if (bytes.length > this.remaining) {
      this.#error = 'space';
      return { written: 0, sectors: 0 };
    }
    let offset = 0;
    let sectors = 0;
    while (this.#taken - this.#flushed + bytes.length - offset > SECTOR_BYTES) {
      const portion = SECTOR_BYTES - (this.#taken - this.#flushed);
      this.#take(bytes.subarray(offset, offset + portion));
      sectors += 1;
      if (!this.#flushSector()) return { written: offset, sectors };
      offset += portion;
    }
    this.#take(bytes.subarray(offset));
    if (this.remaining > 0) return { written: bytes.length, sectors };
    return { written: this.#flushSector() ? bytes.length : offset, sectors: sectors + 1 };
  }

  #take(bytes: Uint8Array): void {
    if (this.#head.length < HEAD_BYTES) this.#head = Buffer.concat([this.#head, bytes.subarray(0, HEAD_BYTES)]);
    this.#md5.update(bytes);
    this.#sha256.update(bytes);
    this.#taken += bytes.length;
  }

  #flushSector(): boolean {
    const { badByte } = this.#flash;
    if (this.#flushed === 0 && this.#flash.chip === 'esp32' && !this.#hasAppMagic()) this.#error = 'magic';
    else if (badByte !== null && badByte >= this.#flushed && badByte < this.#taken) this.#error = 'write';
    if (this.#error !== null) return false;
    this.#flushed = this.#taken;
    return true;
  }

  #hasAppMagic(): boolean {
    if (this.#announced.command !== COMMAND_APP) return true;
    if (this.#flash.chip === 'esp8266' && GZIP_MAGIC.every((byte, at) => this.#head[at] === byte)) return true;
    return this.#head[0] === APP_MAGIC;
  }

  /** `Update.end()`: the image when everything is right, else null with {@link errorText} telling why. */
  end(): InstalledImage | null {
    if (this.#error !== null) return null;
    if (!this.isFinished) {
      this.#error = this.#flushed === 0 ? 'no-data' : 'abort';
      return null;
    }
    const md5 = this.#md5.digest('hex');
    const sha256 = this.#sha256.digest('hex');
    this.#calculatedMd5 = this.#flash.isChecksumWrong ? hexDigest('md5', md5) : md5;
    this.#error = this.#judge();
    if (this.#error !== null) return null;
    const kind = this.#announced.command === COMMAND_APP ? 'app' : 'filesystem';
    return { kind, sha256, md5, sizeBytes: this.#announced.sizeBytes, version: versionIn(this.#head) };
  }

  #judge(): UpdateError | null {
    if (this.#calculatedMd5 !== this.#expectedMd5()) return 'md5';
    if (!this.#hasAppMagic()) return 'magic';
    return this.#flash.refusesToEnd;
  }

  /** arduino-esp32 2.0.14 compares letter by letter; the ESP8266 and newer ESP32 cores ignore case. */
  #expectedMd5(): string {
    return this.#flash.core === 'esp32-md5' ? this.#announced.md5 : this.#announced.md5.toLowerCase();
  }
}

function versionIn(head: Buffer): string | null {
  if (head.length < HEAD_BYTES || head.readUInt32LE(DESCRIPTION_AT) !== DESCRIPTION_MAGIC) return null;
  const [version = ''] = head.toString('latin1', VERSION_AT, HEAD_BYTES).split('\0');
  return version;
}
