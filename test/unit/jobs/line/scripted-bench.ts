import { FlashError } from '../../../../src/errors.ts';
import type { Bench, Board, WriteObserver } from '../../../../src/jobs/line/bench.ts';
import type { SerialPortFacts } from '../../../../src/model/device.ts';
import type { FirmwareImage, Partition } from '../../../../src/model/image.ts';
import type { BoardIdentity, PlacedImage, UnitStep } from '../../../../src/model/unit.ts';

/** ESP-IDF's usual table, as far as the line looks at it. */
export const PARTITIONS: readonly Partition[] = [
  { label: 'nvs', type: 1, subtype: 2, offset: 0x9000, sizeBytes: 0x6000, isEncrypted: false, isReadOnly: false },
  {
    label: 'factory',
    type: 0,
    subtype: 0,
    offset: 0x10000,
    sizeBytes: 0x100000,
    isEncrypted: false,
    isReadOnly: false,
  },
];

/** Where an image of a kind goes; applications to 0x10000. */
const PLACES: Readonly<Record<string, number>> = { merged: 0, filesystem: 0x30000 };

/** How one board behaves. */
export interface BoardScript {
  readonly mac: string;
  readonly chip?: BoardIdentity['chip'];
  readonly hasFlashEncryption?: boolean;
  readonly fails?: { readonly at: UnitStep; readonly error: FlashError };
  /** Never answers from this step on, and obeys no signal. */
  readonly hangsAt?: UnitStep;
  /** What it prints after its start, one entry for each read. */
  readonly prints?: readonly string[];
  readonly partitions?: readonly Partition[] | null;
  /** Called when the writing of anything begins. */
  readonly onWrite?: () => Promise<void> | void;
}

/** A board with a flash of 256 KiB, and what was done to it. */
export class ScriptedBoard implements Board {
  readonly identity: BoardIdentity;
  readonly baudRate = 921_600;
  readonly retries = 0;
  readonly flash = Buffer.alloc(0x40000, 0xff);
  /** The names, in order. */
  readonly written: string[] = [];
  restarts = 0;
  isOpen = true;
  readonly #script: BoardScript;
  #printed = 0;

  constructor(script: BoardScript) {
    this.#script = script;
    this.identity = {
      chip: script.chip ?? 'esp32c3',
      revision: 4,
      mac: script.mac,
      flashId: 'ef4016',
      flashSizeBytes: this.flash.length,
      hasFlashEncryption: script.hasFlashEncryption ?? false,
    };
  }

  async partitionsWith(): Promise<readonly Partition[] | null> {
    const { partitions = PARTITIONS } = this.#script;
    return partitions;
  }

  async write(images: readonly FirmwareImage[], observer: WriteObserver): Promise<readonly PlacedImage[]> {
    const placed = images.map(({ name, bytes, dossier }) => ({ name, bytes, offset: PLACES[dossier.kind] ?? 0x10000 }));
    await observer.onBegin();
    await this.#script.onWrite?.();
    await this.#step('write');
    for (const image of placed) this.#put(image);
    observer.onBytes(1, 1);
    return placed;
  }

  async writeData(data: PlacedImage): Promise<void> {
    this.#put(data);
  }

  async read(offset: number, sizeBytes: number): Promise<Uint8Array> {
    await this.#step('backup');
    return Buffer.from(this.flash.subarray(offset, offset + sizeBytes));
  }

  async restart(): Promise<void> {
    await this.#step('restart');
    this.restarts += 1;
  }

  async bootOutput(timeoutMs: number): Promise<Uint8Array | null> {
    await this.#step('boot-check');
    const text = this.#script.prints?.[this.#printed];
    this.#printed += 1;
    if (text !== undefined) return Buffer.from(text);
    await new Promise((resolve) => setTimeout(resolve, Math.min(timeoutMs, 20)));
    return null;
  }

  #put({ name, offset, bytes }: PlacedImage): void {
    this.flash.set(bytes, offset);
    this.written.push(name);
  }

  async close(): Promise<void> {
    this.isOpen = false;
  }

  /** The script's word on a step. */
  async #step(step: UnitStep): Promise<void> {
    if (this.#script.hangsAt === step) await new Promise(() => undefined);
    if (this.#script.fails?.at === step) throw this.#script.fails.error;
  }
}

/** Boards by the path of their port; a port without one does not open. */
export class ScriptedBench implements Bench {
  readonly #scripts = new Map<string, BoardScript>();
  /** Every board that was connected to, in order. */
  readonly boards: ScriptedBoard[] = [];

  put(path: string, script: BoardScript): void {
    this.#scripts.set(path, script);
  }

  async connect({ path }: SerialPortFacts): Promise<Board> {
    const script = this.#scripts.get(path);
    if (script === undefined) throw new FlashError('LINK_CLOSED', `no board on ${path}`);
    if (script.hangsAt === 'connect') await new Promise(() => undefined);
    if (script.fails?.at === 'connect') throw script.fails.error;
    const board = new ScriptedBoard(script);
    this.boards.push(board);
    return board;
  }

  /** The last board with this MAC. */
  board(mac: string): ScriptedBoard | undefined {
    return this.boards.findLast(({ identity }) => identity.mac === mac);
  }
}
