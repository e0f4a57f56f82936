import { createHash } from 'node:crypto';
import { sleep } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { FirmwareImage, StoredImage } from '../../model/image.ts';
import type { BootCheck } from '../../model/rule.ts';
import type { PlacedImage, Unit, UnitImage, UnitRowState } from '../../model/unit.ts';
import type { BackupShelf } from '../backup/shelf.ts';
import type { UnitChange } from '../journal/units.ts';
import { asFlashError } from '../outcome.ts';
import type { Bench, Board } from './bench.ts';
import { BootWatch } from './boot-watch.ts';
import { type Order, type OrderParts, orderFor } from './orders.ts';
import type { Plug } from './plug.ts';
import { UnitBook, type UnitBookParts } from './unit-book.ts';
import { UnitValues } from './unit-data.ts';

/** What all runs on boards have in common. */
export interface UnitRunParts extends UnitBookParts, OrderParts {
  readonly bench: Bench;
  readonly backups: BackupShelf;
  /** The image's bytes, from the store, checked against their hash. */
  readonly loadImage: (sha256: string) => Promise<FirmwareImage>;
}

const CLOSE_LIMIT_MS = 10_000;
/** The boot text is awaited in turns of this length, so that a long wait does not look like a port that hangs. */
const LISTEN_MS = 5_000;

/**
 * One run: a board on a port, from opening the port to its record. Each move is in the journal before the act that it allows. Resolves
 * with the record, however the run ended; rejects only when the journal cannot be written.
 */
export async function runUnit(plug: Plug, parts: UnitRunParts, signal: AbortSignal): Promise<Unit> {
  const book = new UnitBook(plug.id, plug.serial.path, parts, signal);
  const log = parts.log.child({ unit: book.unit.id, device: plug.name, port: plug.serial.path });
  log.info('unit.started');
  const run = new UnitRun(plug, book, parts, signal);
  try {
    await run.perform();
  } catch (thrown) {
    conclude(book, asFlashError(thrown), signal);
  } finally {
    await run.close();
  }
  report(book.unit, log);
  return book.unit;
}

/** What the order comes to, read and checked as far as that goes without the board. */
interface Work {
  /** Written one after the other: what belongs into an image of the whole flash comes after it. */
  readonly batches: readonly (readonly FirmwareImage[])[];
  readonly values: UnitValues | null;
}

class UnitRun {
  readonly #plug: Plug;
  readonly #book: UnitBook;
  readonly #parts: UnitRunParts;
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  #board: Board | null = null;

  constructor(plug: Plug, book: UnitBook, parts: UnitRunParts, signal: AbortSignal) {
    this.#plug = plug;
    this.#book = book;
    this.#parts = parts;
    this.#signal = AbortSignal.any([signal, this.#over.signal]);
  }

  async perform(): Promise<void> {
    const board = await this.#connect();
    const order = this.#order(board);
    if (await this.#leavesAlone(board, order)) return;
    const work = await this.#prepare(order);
    await this.#backUp(board, order);
    await this.#write(board, work);
    await this.#start(board, order.rule.line.bootCheck);
    this.#book.move('succeed', (unit) => this.#rowIs('verified', unit));
  }

  /** Never throws; a port that does not let itself be closed is left to the system. */
  async close(): Promise<void> {
    this.#over.abort(new FlashError('LINE_INTERRUPTED', 'the run is over'));
    const closing = this.#board?.close();
    if (closing === undefined) return;
    const given = new AbortController();
    const tooLong = sleep(this.#parts.clock, CLOSE_LIMIT_MS, given.signal).catch(() => undefined);
    await Promise.race([closing, tooLong]);
    given.abort();
  }

  async #connect(): Promise<Board> {
    const { bench, rules } = this.#parts;
    // Which rule decides is known when the board has said what it is; how to open the port, the first that is for the port says.
    const options = rules().forPort(this.#plug)[0]?.update.options ?? {};
    const board = await this.#book.step('connect', async () => {
      const connected = await bench.connect(this.#plug.serial, options, this.#signal);
      // Too late for the limit of the step: nobody is there any more to close it.
      if (this.#signal.aborted) await connected.close();
      return connected;
    });
    this.#board = board;
    this.#book.learn({ board: board.identity });
    this.#learnLine(board);
    return board;
  }

  #order(board: Board): Order {
    const order = orderFor(this.#plug, board.identity, this.#parts);
    this.#book.learn({ rule: order.rule.name, release: order.release.id });
    return order;
  }

  /** The rule's word on a board that comes twice. It is started again: the loader is no state to leave a finished board in. */
  async #leavesAlone(board: Board, { rule, release }: Order): Promise<boolean> {
    const { again } = rule.line;
    const before = this.#parts.journal.units.lastSuccess(board.identity.mac, release.id);
    if (again === 'again' || before === null) return false;
    await this.#book.step('restart', () => board.restart(null));
    if (again === 'skip') {
      this.#book.move('skip');
      return true;
    }
    const when = new Date(before.startedMs).toISOString();
    const message = `${board.identity.mac} got ${release.imageName} already, in run ${before.id} of ${when}`;
    this.#book.learn({ error: new FlashError('LINE_BOARD_AGAIN', message).toJSON() });
    this.#book.move('refuse');
    return true;
  }

  /** What can go wrong without the board goes wrong here, before it is touched. */
  async #prepare({ batches, rule }: Order): Promise<Work> {
    const { unitData } = rule.line;
    return {
      batches: await Promise.all(batches.map((images) => Promise.all(images.map((image) => this.#load(image))))),
      values: unitData === null ? null : await UnitValues.read(unitData),
    };
  }

  /** Under the name it was released by. */
  async #load({ sha256, name }: StoredImage): Promise<FirmwareImage> {
    return { ...(await this.#parts.loadImage(sha256)), name };
  }

  async #backUp(board: Board, { rule }: Order): Promise<void> {
    const { backup } = rule;
    if (backup === null) return;
    this.#book.move('back-up');
    const path = await this.#book.step('backup', (onBytes) => this.#parts.backups.make(board, backup.keep, onBytes));
    this.#book.learn({ backup: path });
    this.#learnLine(board);
  }

  async #write(board: Board, { batches: [first, ...others], values }: Work): Promise<void> {
    if (first === undefined) throw new Error('an order without an image');
    const home = values?.home(await this.#book.step('write', () => board.partitionsWith(first)));
    let own: PlacedImage | null = null;
    const written = new Map<number, UnitImage>();
    // The board's own guards have their say before a row is used up, and the row is in the journal before a byte is written.
    await this.#writeBatch(board, first, written, async () => {
      const { unitData } = this.#book.move('write', ({ id }) => this.#reserved(board, id, values));
      if (values && home && unitData) own = await values.image(unitData, home);
    });
    for (const batch of others) await this.#writeBatch(board, batch, written, async () => undefined);
    await this.#writeOwn(board, own, written);
    this.#learnLine(board);
    this.#book.move('start', (unit) => this.#rowIs('written', unit));
  }

  async #writeBatch(
    board: Board,
    images: readonly FirmwareImage[],
    written: Map<number, UnitImage>,
    onBegin: () => Promise<void>,
  ): Promise<void> {
    const placed = await this.#book.step('write', (onBytes) => board.write(images, { onBegin, onBytes }));
    this.#learnImages(placed, written);
  }

  /** Last: an image of the whole flash has its own bytes where the values go. */
  async #writeOwn(board: Board, own: PlacedImage | null, written: Map<number, UnitImage>): Promise<void> {
    if (own === null) return;
    await this.#book.step('write', (onBytes) => board.writeData(own, onBytes));
    this.#learnImages([own], written);
  }

  #learnImages(images: readonly PlacedImage[], written: Map<number, UnitImage>): void {
    for (const image of images) written.set(image.offset, recordOf(image));
    this.#book.learn({ images: [...written.values()].sort((left, right) => left.offset - right.offset) });
  }

  #learnLine({ baudRate, retries }: Board): void {
    this.#book.learn({ baudRate, retries });
  }

  #reserved(board: Board, unit: string, values: UnitValues | null): UnitChange | undefined {
    if (values === null) return undefined;
    const claim = { mac: board.identity.mac, unit, atMs: this.#parts.clock.now() };
    return { unitData: values.reserve(this.#parts.journal.unitRows, claim) };
  }

  #rowIs(state: UnitRowState, { unitData }: Unit): undefined {
    if (unitData !== null) this.#parts.journal.unitRows.move(unitData, state, this.#parts.clock.now());
    return undefined;
  }

  async #start(board: Board, check: BootCheck | null): Promise<void> {
    await this.#book.step('restart', () => board.restart(check?.baudRate ?? null));
    if (check === null) return;
    const watch = new BootWatch(check);
    try {
      await this.#book.step('boot-check', (alive) => this.#watch(board, watch, check, () => alive(0, 0)));
    } finally {
      this.#book.learn({ logExcerpt: watch.excerpt });
    }
  }

  async #watch(board: Board, watch: BootWatch, check: BootCheck, alive: () => void): Promise<void> {
    const { clock } = this.#parts;
    const endMs = clock.monotonic() + check.withinMs;
    for (let leftMs = check.withinMs; leftMs > 0; leftMs = endMs - clock.monotonic()) {
      const bytes = await board.bootOutput(Math.min(leftMs, LISTEN_MS));
      alive();
      const verdict = bytes === null ? watch.verdict : watch.feed(bytes);
      if (verdict.kind === 'passed') return;
      if (verdict.kind === 'rejected')
        throw new FlashError('LINE_BOOT_REJECTED', `the boot text holds ${JSON.stringify(verdict.found)}`);
    }
    if (watch.isGoodAtEnd) return;
    const message = `nothing in the boot text matches ${JSON.stringify(check.expect)} after ${check.withinMs / 1000} s`;
    throw new FlashError('LINE_BOOT_MISSING', message);
  }
}

function recordOf({ name, offset, bytes }: PlacedImage): UnitImage {
  return { name, offset, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function conclude(book: UnitBook, error: FlashError, signal: AbortSignal): void {
  book.learn({ error: error.toJSON() });
  book.move(signal.aborted ? 'interrupt' : 'fail');
}

function report(unit: Unit, log: Logger): void {
  const { state, rule, release, board, error, baudRate, retries, unitData } = unit;
  const elapsedMs = (unit.endedMs ?? unit.startedMs) - unit.startedMs;
  const fields = {
    rule,
    release,
    mac: board?.mac,
    chip: board?.chip,
    row: unitData?.key,
    elapsedMs,
    baudRate,
    retries,
  };
  const failure = { code: error?.code, message: error?.message, hint: error?.hint, step: error?.step };
  if (state === 'succeeded') log.info('unit.succeeded', fields);
  else if (state === 'skipped') log.info('unit.skipped', { ...fields, reason: 'it has this release already' });
  else if (state === 'refused') log.warn('unit.refused', { ...fields, ...failure });
  else log.error('unit.failed', { ...fields, ...failure, state });
}
