import type { ErrorReport } from '../errors.ts';
import type { Chip } from './chip.ts';

/** The life of one unit run: one board on one port, from plugging in to the record. The table of moves is in jobs/line/unit-state.ts. */
export const UNIT_STATES = [
  /** The port is opened, the board put into its loader and asked who it is. Nothing on it has changed. */
  'connecting',
  /** Its flash is read. Nothing on it has changed. */
  'backing-up',
  /** Its flash is written and compared. */
  'writing',
  /** It is started, and its boot text read where the rule asks for that. */
  'starting',
  'succeeded',
  /** It has this release already, and the rule says to leave it as it is. */
  'skipped',
  /** It has this release already, and the rule says that this must not be. */
  'refused',
  'failed',
  /** The daemon ended in the middle. The board may hold half an image; the next run makes it whole. */
  'interrupted',
] as const;

/** Of a run on the production line. */
export type UnitState = (typeof UNIT_STATES)[number];

/** What a board says of itself in its loader. */
export interface BoardIdentity {
  readonly chip: Chip;
  /** Major * 100 + minor; null where the chip does not tell. */
  readonly revision: number | null;
  /** Lower case with colons. */
  readonly mac: string;
  /** Vendor, type and capacity of the flash chip as six hex digits: `ef4016`; null where it cannot be asked. */
  readonly flashId: string | null;
  readonly flashSizeBytes: number | null;
  /** Its flash holds what only this chip can read, and a loader reads it as it stands there. */
  readonly hasFlashEncryption: boolean;
}

/** Bytes and the flash address they go to. */
export interface PlacedImage {
  /** For people: a file name, or what the bytes are. */
  readonly name: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** One image on a board, as its record keeps it. */
export interface UnitImage {
  readonly name: string;
  readonly offset: number;
  readonly sizeBytes: number;
  /** Of the bytes as they are in the flash. Lower case hex. */
  readonly sha256: string;
}

/** The row of per-unit data that a board got. */
export interface UnitData {
  readonly series: string;
  /** What names the row within the series: a serial number. */
  readonly key: string;
  /** Where the row stood: SHA-256 of the file, and its line. */
  readonly fileSha256: string;
  readonly line: number;
}

/** The stages of a run, in their order. */
export const UNIT_STEPS = ['connect', 'backup', 'write', 'restart', 'boot-check'] as const;

/** One of {@link UNIT_STEPS}. */
export type UnitStep = (typeof UNIT_STEPS)[number];

/** What is known of one run on one board: the unit record. */
export interface Unit {
  readonly id: string;
  /** The fixture position: the id of the port's device, which stays the same from board to board. */
  readonly slot: string;
  /** The path the system gave the port: `/dev/ttyUSB0`. */
  readonly port: string;
  readonly state: UnitState;
  /** Null until the board has said what it is, like the release; and where no rule is for it. */
  readonly rule: string | null;
  readonly release: string | null;
  readonly board: BoardIdentity | null;
  readonly images: readonly UnitImage[];
  readonly unitData: UnitData | null;
  /** Path of the backup that was made before anything was written. */
  readonly backup: string | null;
  /** The rate at which the last step ran. */
  readonly baudRate: number | null;
  /** How often a step had to begin anew on the same board. */
  readonly retries: number;
  /** Milliseconds per step that ended or failed. */
  readonly steps: Readonly<Partial<Record<UnitStep, number>>>;
  readonly error: ErrorReport | null;
  /** The end of the boot text, control characters made visible; null where none was read. */
  readonly logExcerpt: string | null;
  readonly startedMs: number;
  readonly endedMs: number | null;
}

/** What becomes of a row: `reserved` before a byte is written, `written` when the chip has it, `verified` when the run is good. `void`:
 * its board has got a row of another file since; it is never given to anyone again. */
const UNIT_ROW_STATES = ['reserved', 'written', 'verified', 'void'] as const;

/** What is known of a row of the unit table. */
export type UnitRowState = (typeof UNIT_ROW_STATES)[number];
