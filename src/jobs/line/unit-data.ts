import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { FlashError } from '../../errors.ts';
import { sha256Of } from '../../firmware/bytes.ts';
import { buildNvs } from '../../firmware/nvs/build.ts';
import { filesOf, fillTemplate, type NvsTemplate, parseNvsTemplate } from '../../firmware/nvs/template.ts';
import { parseUnitTable, type UnitRow } from '../../firmware/nvs/unit-table.ts';
import type { Partition } from '../../model/image.ts';
import type { UnitDataSource } from '../../model/rule.ts';
import type { PlacedImage, UnitData } from '../../model/unit.ts';
import type { RowClaim, UnitRowTable } from '../journal/unit-rows.ts';

/** ESP-IDF, "Partition Tables": type data, subtype nvs. */
const DATA_TYPE = 0x01;
const NVS_SUBTYPE = 0x02;

/** Values of its own for each board, as the files have them now. */
export class UnitValues {
  readonly #source: UnitDataSource;
  readonly #template: NvsTemplate;
  readonly #rows: readonly UnitRow[];
  readonly #fileSha256: string;

  /** Reads the files anew for each board, so that rows may be added while the line runs. Throws UNIT_DATA_UNREADABLE, NVS_BAD_TABLE. */
  static async read(source: UnitDataSource): Promise<UnitValues> {
    const [template, table] = await Promise.all([readSource(source.template), readSource(source.csv)]);
    return new UnitValues(source, template, table);
  }

  private constructor(source: UnitDataSource, template: Buffer, table: Buffer) {
    this.#source = source;
    this.#template = named(source.template, () => parseNvsTemplate(template.toString()));
    this.#rows = named(source.csv, () => parseUnitTable(table.toString(), this.#template));
    this.#fileSha256 = sha256Of(table);
  }

  /** Hands out a row, durably with the transaction around it. Throws UNIT_DATA_EXHAUSTED. */
  reserve(table: UnitRowTable, claim: Omit<RowClaim, 'series'>): UnitData {
    const { series, csv } = this.#source;
    const offers = this.#rows.map(({ id, line }) => ({ key: id, fileSha256: this.#fileSha256, line }));
    const row = table.reserve({ ...claim, series }, offers);
    if (row !== null) return row;
    const message = `all ${offers.length} rows of ${csv} are handed out (series "${series}")`;
    throw new FlashError('UNIT_DATA_EXHAUSTED', message);
  }

  /** The partition that the values go to. Throws UNIT_DATA_NO_PARTITION. */
  home(partitions: readonly Partition[] | null): Partition {
    const { partition: label } = this.#source;
    const home = partitions?.find((partition) => partition.label === label);
    if (home !== undefined && home.type === DATA_TYPE && home.subtype === NVS_SUBTYPE) return home;
    throw new FlashError('UNIT_DATA_NO_PARTITION', whyNoHome(label, partitions, home));
  }

  /** The values of a row at their place. Throws UNIT_DATA_UNREADABLE, NVS_*. */
  async image({ key }: UnitData, { label, offset, sizeBytes }: Partition): Promise<PlacedImage> {
    const row = this.#rows.find(({ id }) => id === key);
    if (row === undefined) throw new Error(`no row ${key} in ${this.#source.csv}`);
    const paths = filesOf(this.#template, row.values);
    const files = await Promise.all(paths.map(async (path) => [path, await readSource(this.#beside(path))] as const));
    const entries = named(`row ${key}`, () => fillTemplate(this.#template, row.values, new Map(files)));
    return { name: `${label} (row ${key})`, offset, bytes: named(`row ${key}`, () => buildNvs(entries, sizeBytes)) };
  }

  /** Files that a table names lie beside it. */
  #beside(path: string): string {
    return resolve(dirname(this.#source.csv), path);
  }
}

function readSource(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FlashError('UNIT_DATA_UNREADABLE', `${path} cannot be read: ${why}`, { cause });
  });
}

/** What is wrong with a table says which one it is. */
function named<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof FlashError)) throw cause;
    throw new FlashError(cause.code, `${what}: ${cause.message}`, { cause });
  }
}

function whyNoHome(label: string, partitions: readonly Partition[] | null, found: Partition | undefined): string {
  if (partitions === null) return `the board has no partition table that could tell where "${label}" is`;
  if (found !== undefined) return `the partition "${label}" is not of type nvs`;
  const labels = partitions.map((partition) => partition.label).join(', ');
  return `the partition table has no "${label}"; it has ${labels}`;
}
