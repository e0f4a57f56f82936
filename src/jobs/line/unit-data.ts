import { FlashError } from '../../errors.ts';
import type { Partition } from '../../model/image.ts';
import type { UnitDataSource } from '../../model/rule.ts';
import type { PlacedImage, UnitData } from '../../model/unit.ts';
import type { RowClaim, UnitRowTable } from '../journal/unit-rows.ts';
import { readUnitFile, type UnitColumn, type UnitFile } from './unit-file.ts';

/** One value for a board, as its file names it. */
export interface UnitValue extends UnitColumn {
  readonly text: string;
}

/** Makes the image of an NVS partition. `sizeBytes`: of the partition. Throws UNIT_DATA_INVALID for a value that its type cannot hold. */
export type UnitImageBuilder = (namespace: string, values: readonly UnitValue[], sizeBytes: number) => Uint8Array;

/** ESP-IDF, "Partition Tables": type data, subtype nvs. */
const DATA_TYPE = 0x01;
const NVS_SUBTYPE = 0x02;

/** The rows of a file, ready to be handed out. */
export interface PreparedRows {
  /** Hands out a row, durably with the transaction around it. Throws UNIT_DATA_EXHAUSTED. */
  reserve(table: UnitRowTable, claim: Omit<RowClaim, 'series'>): UnitData;
  /** The partition that the values go to. Throws UNIT_DATA_NO_PARTITION. */
  home(partitions: readonly Partition[] | null): Partition;
  /** The bytes of a row at their place. Throws what `build` throws. */
  image(key: string, home: Partition, build: UnitImageBuilder): PlacedImage;
}

/** Reads the file of per-unit data. Throws UNIT_DATA_UNREADABLE, UNIT_DATA_INVALID. */
export async function prepareRows(source: UnitDataSource): Promise<PreparedRows> {
  const file = await readUnitFile(source);
  return {
    reserve(table, claim) {
      const row = table.reserve({ ...claim, series: source.series }, file.rows);
      if (row !== null) return row;
      const message = `all ${file.rows.length} rows of ${source.csv} are handed out (series "${source.series}")`;
      throw new FlashError('UNIT_DATA_EXHAUSTED', message);
    },
    home: (partitions) => homeIn(partitions, source.partition),
    image: (key, home, build) => placed(source, file, key, home, build),
  };
}

function homeIn(partitions: readonly Partition[] | null, label: string): Partition {
  const home = partitions?.find((partition) => partition.label === label);
  if (home !== undefined && home.type === DATA_TYPE && home.subtype === NVS_SUBTYPE) return home;
  throw new FlashError('UNIT_DATA_NO_PARTITION', whyNoHome(label, partitions, home));
}

function placed(
  { csv, namespace }: UnitDataSource,
  { columns, rows }: UnitFile,
  key: string,
  home: Partition,
  build: UnitImageBuilder,
): PlacedImage {
  const row = rows.find((candidate) => candidate.key === key);
  if (row === undefined) throw new Error(`no row ${key} in ${csv}`);
  const values = columns.map((column, at): UnitValue => ({ ...column, text: row.values[at] ?? '' }));
  return { name: `${home.label} (row ${key})`, offset: home.offset, bytes: build(namespace, values, home.sizeBytes) };
}

function whyNoHome(label: string, partitions: readonly Partition[] | null, found: Partition | undefined): string {
  if (partitions === null) return `the board has no partition table that could tell where "${label}" is`;
  if (found !== undefined) return `the partition "${label}" is not of type nvs`;
  const labels = partitions.map((partition) => partition.label).join(', ');
  return `the partition table has no "${label}"; it has ${labels}`;
}
