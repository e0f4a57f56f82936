import { FlashError } from '../../errors.ts';
import { alignUp } from '../../firmware/bytes.ts';
import { CHIP_FACTS } from '../../firmware/chips.ts';
import { count, hex } from '../../firmware/findings.ts';
import { TABLE_SECTOR, TYPE_APP, TYPE_DATA, USUAL_TABLE_OFFSET } from '../../firmware/formats/partition-table.ts';
import { bootSlot } from '../../firmware/partition-roles.ts';
import type { Chip } from '../../model/chip.ts';
import type { Dossier, ImageKind, Partition } from '../../model/image.ts';
import { bootingApp, otadataFor, otadataPartition } from './boot-choice.ts';
import { SECTOR_BYTES } from './constants.ts';

/** An image that is to be written, and where its owner wants it. */
export interface ImageToPlace {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly dossier: Dossier;
  /** A flash address, or `auto`: where an image of its kind belongs. */
  readonly offset: number | 'auto';
  /** Encrypted already, for this place: nothing in it can be read, and its package's word is taken. */
  readonly isEncrypted?: boolean;
}

/** What is known of the board. */
export interface Board {
  readonly chip: Chip;
  /** Null: cannot be asked. */
  readonly flashSizeBytes: number | null;
  /** The partition table in its flash; null: none was found, or it cannot be read. */
  readonly table: BoardTable | null;
}

/** What a board has in flash already. */
export interface BoardTable {
  readonly offset: number;
  readonly partitions: readonly Partition[];
  /** Contents of the otadata partition; null: there is none, or it cannot be read. */
  readonly otadata: Uint8Array | null;
}

/** Bytes with their place in flash. */
export interface Placement {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly offset: number;
  /** For people: `application → "app0" at 0x10000, which starts`. */
  readonly reason: string;
  /** Null for bytes that are no file's: otadata of our own making. */
  readonly dossier: Dossier | null;
}

/**
 * Decides where each image goes, and what else has to be written so that it starts. Pure: nothing was changed on the chip when it throws.
 *
 * @throws FlashError SERIAL_NO_PLACE, SERIAL_WRONG_PLACE, SERIAL_NO_SPACE, SERIAL_OVERLAP
 */
export function placeImages(images: readonly ImageToPlace[], board: Board): Placement[] {
  const layout = layoutOf(images, board);
  const placed = images.map((image) => placeImage(image, layout));
  const all = [...placed, ...bootChange(placed, layout)];
  for (const placement of all) refuseMisfit(placement, board);
  refuseOverlap(all);
  return all;
}

/** The board as it will be once the images are on it. */
interface Layout {
  readonly board: Board;
  readonly table: BoardTable | null;
  /** `the files` where a table is among them, `the chip` otherwise. */
  readonly source: string;
}

function layoutOf(images: readonly ImageToPlace[], board: Board): Layout {
  const carrier = images.find(({ dossier }) => dossier.partitions !== null);
  const partitions = carrier?.dossier.partitions ?? null;
  if (carrier === undefined || partitions === null) return { board, table: board.table, source: 'the chip' };
  const offset = carrier.dossier.kind === 'partition-table' ? tableOffset(carrier, board) : USUAL_TABLE_OFFSET;
  const place = otadataPartition(partitions)?.offset;
  const isOtadata = (image: ImageToPlace) => image.dossier.kind === 'otadata' || image.offset === place;
  const otadata = images.find(isOtadata)?.bytes ?? null;
  return { board, table: { offset, partitions, otadata }, source: 'the files' };
}

function placeImage(image: ImageToPlace, layout: Layout): Placement {
  const { chip } = layout.board;
  if (image.isEncrypted === true && image.offset !== 'auto') return at(image, image.offset, 'as its package says');
  switch (image.dossier.kind) {
    case 'merged':
      return fixed(image, image.dossier.flashOffset ?? 0, 'a factory image has its own place');
    case 'bootloader':
      return fixed(image, CHIP_FACTS[chip].bootloaderOffset, `the ROM of ${CHIP_FACTS[chip].label} looks there`);
    case 'partition-table':
      return at(image, tableOffset(image, layout.board), 'partition table');
    case 'app':
      return hasPartitions(image, chip) ? placeApp(image, layout) : placeBareApp(image);
    case 'otadata':
      return placeInPartition(image, layout, 'otadata', otadataPartition(layout.table?.partitions ?? []));
    case 'filesystem':
    case 'data':
      return placeData(image, layout);
    case 'package':
      throw new TypeError('packages are opened before their images are placed');
  }
}

function tableOffset(image: ImageToPlace, board: Board): number {
  return image.offset === 'auto' ? (board.table?.offset ?? USUAL_TABLE_OFFSET) : image.offset;
}

/** ESP8266 images but those of the RTOS SDK know no partition table. */
export function hasPartitions({ dossier }: ImageToPlace, chip: Chip): boolean {
  return chip !== 'esp8266' || dossier.format === 'esp8266-v3';
}

/** `why` explains the place to people. */
function at(image: ImageToPlace, offset: number, why: string): Placement {
  const { name, bytes, dossier } = image;
  return { name, bytes, dossier, offset, reason: `${KINDS[dossier.kind]} → ${hex(offset)}: ${why}` };
}

const KINDS: Readonly<Record<ImageKind, string>> = {
  app: 'application',
  bootloader: 'bootloader',
  merged: 'factory image',
  'partition-table': 'partition table',
  otadata: 'otadata',
  filesystem: 'filesystem',
  data: 'data',
  package: 'package',
};

/** A kind that has one place only. */
function fixed(image: ImageToPlace, offset: number, why: string): Placement {
  if (image.offset !== 'auto' && image.offset !== offset) {
    throw wrongPlace(image, `it belongs at ${hex(offset)}, and ${hex(image.offset)} was asked for (${why})`);
  }
  return at(image, offset, why);
}

/** An ESP8266 without partition table: the whole image starts at 0, unless its format needs a bootloader of the SDK. */
function placeBareApp(image: ImageToPlace): Placement {
  const { format } = image.dossier;
  if (format === 'esp8266-arduino') return fixed(image, 0, 'it brings eboot along, which the ROM starts');
  if (image.offset !== 'auto') return at(image, image.offset, 'as asked for');
  if (format === 'esp8266-v1') return at(image, 0, 'the ROM starts it');
  throw noPlace(image, "it is started by the SDK's bootloader, from a place that only its build knows");
}

function placeApp(image: ImageToPlace, layout: Layout): Placement {
  if (image.dossier.format === 'cc3200') throw noPlace(image, 'it is for the CC3200 of a WiPy 1');
  const { table, source } = layout;
  if (table === null) {
    throw noPlace(
      image,
      'there is no partition table on the chip, and none among the files; an application starts from a partition only',
    );
  }
  const app = image.offset === 'auto' ? autoApp(image, table, source) : appAt(image, image.offset, layout);
  return inPartition(image, app, `"${app.label}" of the partition table of ${source}`);
}

/** The application that starts anyhow, else the one that will once otadata is erased. */
function autoApp(image: ImageToPlace, { partitions, otadata }: BoardTable, source: string): Partition {
  const app = bootingApp(partitions, otadata) ?? bootSlot(partitions);
  if (app === null) throw noPlace(image, `the partition table of ${source} has no application partition that starts`);
  return app;
}

function appAt(image: ImageToPlace, offset: number, { table, source }: Layout): Partition {
  const app = (table?.partitions ?? []).find((partition) => partition.type === TYPE_APP && partition.offset === offset);
  if (app !== undefined) return app;
  throw wrongPlace(image, `the partition table of ${source} has no application partition at ${hex(offset)}`);
}

function inPartition(image: ImageToPlace, { label, offset, sizeBytes }: Partition, why: string): Placement {
  if (image.bytes.length > sizeBytes) {
    const sizes = `it has ${count(image.bytes.length)} bytes, partition "${label}" holds ${count(sizeBytes)}`;
    throw new FlashError('SERIAL_NO_SPACE', `${image.name}: ${sizes}`);
  }
  return at(image, offset, why);
}

function placeInPartition(image: ImageToPlace, layout: Layout, what: string, partition: Partition | null): Placement {
  if (partition === null) throw noPlace(image, `the partition table of ${layout.source} has no ${what} partition`);
  if (image.offset !== 'auto' && image.offset !== partition.offset) {
    throw wrongPlace(image, `the ${what} partition is at ${hex(partition.offset)}, not at ${hex(image.offset)}`);
  }
  return inPartition(image, partition, `"${partition.label}" of the partition table of ${layout.source}`);
}

/** Subtypes of data partitions with a filesystem. Arduino puts LittleFS into one that is called spiffs. */
const FILESYSTEM_SUBTYPES: Readonly<Record<string, readonly number[]>> = {
  fat: [0x81],
  spiffs: [0x82],
  littlefs: [0x83, 0x82],
};

function placeData(image: ImageToPlace, layout: Layout): Placement {
  if (image.offset !== 'auto') return placeDataAt(image, image.offset, layout);
  const wanted = FILESYSTEM_SUBTYPES[image.dossier.filesystem ?? ''];
  if (wanted === undefined) throw noPlace(image, 'nothing in it says where it belongs');
  const all = (layout.table?.partitions ?? []).filter(({ type }) => type === TYPE_DATA);
  for (const subtype of wanted) {
    const [first, second] = all.filter((partition) => partition.subtype === subtype);
    if (second !== undefined)
      throw noPlace(image, `partitions "${first?.label}" and "${second.label}" are both of its kind`);
    if (first !== undefined)
      return inPartition(image, first, `"${first.label}" of the partition table of ${layout.source}`);
  }
  throw noPlace(image, `no partition for ${image.dossier.filesystem} is known`);
}

/** Data may go anywhere but over what starts the board: bootloader, partition table, applications. */
function placeDataAt(image: ImageToPlace, offset: number, { board, table, source }: Layout): Placement {
  if (board.chip === 'esp8266' && table === null) return at(image, offset, 'as asked for');
  const end = offset + image.bytes.length;
  const tableEnd = (table?.offset ?? USUAL_TABLE_OFFSET) + TABLE_SECTOR;
  if (offset < tableEnd) throw wrongPlace(image, `bootloader and partition table reach up to ${hex(tableEnd)}`);
  const [first] = (table?.partitions ?? []).filter((partition) => offset < endOf(partition) && end > partition.offset);
  if (first === undefined) return at(image, offset, 'as asked for, outside all partitions');
  if (first.type === TYPE_APP) throw wrongPlace(image, `"${first.label}" at ${hex(first.offset)} is for applications`);
  if (offset < first.offset || end > endOf(first)) {
    throw wrongPlace(image, `${hex(offset)} to ${hex(end)} are not within partition "${first.label}"`);
  }
  return at(image, offset, `as asked for, within "${first.label}" of the partition table of ${source}`);
}

function endOf({ offset, sizeBytes }: Partition): number {
  return offset + sizeBytes;
}

/**
 * otadata that makes the application start which is written. Without it, an application in the first slot changes nothing on a board
 * that was updated over the air before.
 */
function bootChange(placed: readonly Placement[], { table }: Layout): Placement[] {
  const app = placed.find(({ dossier }) => dossier?.kind === 'app');
  const partition = table === null ? null : otadataPartition(table.partitions);
  if (app === undefined || table === null || partition === null) return [];
  // Erased otadata of a build (ota_data_initial.bin) looks like any data; its place tells.
  if (placed.some(({ offset }) => offset === partition.offset)) return [];
  if (bootingApp(table.partitions, table.otadata)?.offset === app.offset) return [];
  const slot = table.partitions.find(({ type, offset }) => type === TYPE_APP && offset === app.offset);
  const bytes = slot === undefined ? null : otadataFor(table.partitions, slot);
  if (slot === undefined || bytes === null) return [];
  const reason = `otadata → ${hex(partition.offset)}: so that "${slot.label}" starts`;
  return [{ name: 'otadata', bytes, dossier: null, offset: partition.offset, reason }];
}

function refuseMisfit({ name, bytes, offset, dossier }: Placement, { flashSizeBytes }: Board): void {
  if (offset % SECTOR_BYTES !== 0) {
    throw new FlashError(
      'SERIAL_WRONG_PLACE',
      `${name}: ${hex(offset)} is not the start of a sector of ${SECTOR_BYTES} bytes`,
    );
  }
  if (flashSizeBytes === null) return;
  const end = Math.max(offset + bytes.length, ...(dossier?.partitions ?? []).map(endOf));
  if (end <= flashSizeBytes) return;
  const what = offset + bytes.length > flashSizeBytes ? 'it' : 'a partition of its table';
  throw new FlashError('SERIAL_NO_SPACE', `${name}: ${what} ends at ${hex(end)}, the flash at ${hex(flashSizeBytes)}`);
}

function refuseOverlap(placements: readonly Placement[]): void {
  const ordered = [...placements].sort((one, other) => one.offset - other.offset);
  for (const [index, one] of ordered.entries()) {
    const next = ordered[index + 1];
    const end = alignUp(one.offset + one.bytes.length, SECTOR_BYTES);
    if (next === undefined || end <= next.offset) continue;
    const message = `${one.name} takes the sectors up to ${hex(end)}, ${next.name} begins at ${hex(next.offset)}`;
    throw new FlashError('SERIAL_OVERLAP', message);
  }
}

function noPlace({ name }: ImageToPlace, why: string): FlashError {
  return new FlashError('SERIAL_NO_PLACE', `${name}: ${why}`);
}

function wrongPlace({ name }: ImageToPlace, why: string): FlashError {
  return new FlashError('SERIAL_WRONG_PLACE', `${name}: ${why}`);
}
