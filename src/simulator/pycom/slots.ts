import { createHash } from 'node:crypto';
import type { PycomSpec } from './pycom-spec.ts';

/** What an upload left behind for the next start. */
interface Pending {
  /** The other slot as it is now: what came last, over what came before. */
  readonly flash: Uint8Array;
  /** That of the first upload since the start, whatever came after it. */
  readonly recordedBytes: number;
}

/** The two slots of a device and its boot loader, which starts a new image only where its check holds. */
export class Slots {
  readonly #spec: PycomSpec;
  #pending: Pending | null = null;
  /** Null: the firmware it came with. */
  #running: Uint8Array | null = null;
  /** An image ran over the partition behind its slot: nobody checks that. */
  isOverrun = false;
  /** Images that were started, in order. */
  readonly installed: Uint8Array[] = [];

  constructor(spec: PycomSpec) {
    this.#spec = spec;
  }

  /** The end of an upload, whole or not: the device marks what it has for the next start. */
  mark(bytes: Uint8Array): void {
    if (bytes.length > this.#spec.slotBytes) this.isOverrun = true;
    const before = this.#pending?.flash ?? new Uint8Array(0);
    const flash = new Uint8Array(Math.max(bytes.length, before.length));
    flash.set(before);
    flash.set(bytes);
    this.#pending = { flash, recordedBytes: this.#pending?.recordedBytes ?? bytes.length };
  }

  get isMarked(): boolean {
    return this.#pending !== null;
  }

  /** A hard reset. Without a word the old image goes on where the new one does not pass. */
  boot(): void {
    const pending = this.#pending;
    this.#pending = null;
    const { comeback } = this.#spec.faults ?? {};
    if (pending === null || comeback === 'old' || comeback === 'rejected') return;
    const image = this.#checked(pending);
    if (image === null) return;
    this.#running = image;
    this.installed.push(image);
  }

  /** `MicroPython v1.20.2.r6 on 2021-10-28; WiPy with ESP32`. */
  banner(): string {
    const { board, builtOn, mcu, version } = this.#spec;
    const own = `MicroPython v${version} on ${builtOn}; ${board} with ${mcu}`;
    if (this.#running === null) return own;
    const text = Buffer.from(this.#running).toString('latin1');
    return /MicroPython v[^\r\n\0]*/.exec(text)?.[0] ?? own;
  }

  /** The image where the boot loader starts it, else null. */
  #checked({ flash, recordedBytes }: Pending): Uint8Array | null {
    if (this.#spec.bootLoader === 'md5-tail') {
      const signed = flash.subarray(0, recordedBytes);
      const body = signed.subarray(0, Math.max(0, recordedBytes - 32));
      const tail = Buffer.from(signed.subarray(body.length)).toString('latin1');
      return createHash('md5').update(body).digest('hex') === tail ? signed : null;
    }
    const length = espImageBytes(flash);
    return length === null ? null : flash.subarray(0, length);
  }
}

/** ESP-IDF's own check: magic, segments, checksum block, SHA-256. The length, or null where it does not hold. */
function espImageBytes(flash: Uint8Array): number | null {
  const view = new DataView(flash.buffer, flash.byteOffset, flash.length);
  const segments = flash[1] ?? 0;
  if (flash[0] !== 0xe9 || segments < 1 || segments > 16 || flash[23] !== 1) return null;
  let at = 24;
  for (let nth = 0; nth < segments; nth += 1) {
    if (at + 8 > flash.length) return null;
    at += 8 + view.getUint32(at + 4, true);
  }
  const end = (Math.floor(at / 16) + 1) * 16;
  if (end + 32 > flash.length) return null;
  const digest = createHash('sha256').update(flash.subarray(0, end)).digest();
  return digest.equals(flash.subarray(end, end + 32)) ? end + 32 : null;
}
