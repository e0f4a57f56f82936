import type { ErrorReport } from '../../errors.ts';
import type { Chip } from '../../model/chip.ts';
import type { ImageKind, Segment } from '../../model/image.ts';
import { byteAt, hexOf, sha256Of, startsWith, u16At } from '../bytes.ts';
import { CHIP_FACTS, chipOfImageId, isWithin, WITHDRAWN_CHIP_IDS } from '../chips.ts';
import { type Findings, hex, NOTHING_FOUND, problem, truncated } from '../findings.ts';
import { readAppDescription, readBootloaderDescription } from './descriptions.ts';
import { IMAGE_MAGIC, readHeader } from './header.ts';
import { readSegments, tableProblems } from './segments.ts';

/** Header and extended header (ESP-IDF, esp_image_format.h: esp_image_header_t). */
const ESP32_HEADER_BYTES = 24;
const CHIP_ID_OFFSET = 12;
const OLD_MIN_REVISION_OFFSET = 14;
const MIN_REVISION_OFFSET = 15;
const MAX_REVISION_OFFSET = 17;
const HASH_APPENDED_OFFSET = 23;
const DIGEST_BYTES = 32;
/** Descriptions stand at the start of the first segment's data. */
const DESCRIPTION_OFFSET = ESP32_HEADER_BYTES + 8;
const NO_MAX_REVISION = 0xffff;

/**
 * An image with the extended header, at the start of `bytes`; what may follow it is not looked at. Sets `endsAt` where the
 * structure is whole. `completeness` is left to the caller, who knows what follows.
 */
export function readEsp32Image(bytes: Uint8Array): Findings | null {
  if (byteAt(bytes, 0) !== IMAGE_MAGIC) return null;
  if (bytes.length < ESP32_HEADER_BYTES) {
    return {
      ...NOTHING_FOUND,
      format: 'esp32',
      completeness: 'truncated',
      problems: [truncated('inside its header', bytes.length, ESP32_HEADER_BYTES)],
    };
  }
  const { chip, remark } = identify(bytes);
  const header = readHeader(bytes, 0, chip);
  const table = readSegments(bytes, {
    chip,
    imageStart: 0,
    offset: ESP32_HEADER_BYTES,
    segmentCount: header.segmentCount,
  });
  const seal = readSeal(bytes, table.endsAt);
  const app = readAppDescription(bytes, DESCRIPTION_OFFSET);
  const { minChipRevision, maxChipRevision } = readRevisions(bytes, chip);
  const kind = kindOf(chip, table.segments, app !== null);
  return {
    ...NOTHING_FOUND,
    kind,
    format: 'esp32',
    chip,
    endsAt: seal.endsAt,
    flashOffset: kind === 'bootloader' && chip !== null ? CHIP_FACTS[chip].bootloaderOffset : null,
    flashMode: header.flashMode,
    flashSizeBytes: header.flashSizeBytes,
    flashFrequencyMhz: header.flashFrequencyMhz,
    entryPoint: header.entryPoint,
    minChipRevision,
    maxChipRevision,
    segments: table.segments,
    checksum: table.checksum,
    digest: seal.digest,
    app,
    bootloader: kind === 'bootloader' ? readBootloaderDescription(bytes, DESCRIPTION_OFFSET) : null,
    problems: seal.problem === null ? tableProblems(table) : [...tableProblems(table), seal.problem],
    remarks: remark === null ? header.remarks : [remark, ...header.remarks],
  };
}

interface Identity {
  readonly chip: Chip | null;
  readonly remark: string | null;
}

function identify(bytes: Uint8Array): Identity {
  const chipId = u16At(bytes, CHIP_ID_OFFSET);
  const chip = chipOfImageId(chipId);
  if (chip !== null) return { chip, remark: null };
  const withdrawn = WITHDRAWN_CHIP_IDS[chipId];
  const what = withdrawn === undefined ? 'is none that is known' : `is the ${withdrawn}, which was never sold`;
  return { chip: null, remark: `chip id ${chipId} ${what}` };
}

/**
 * `max_chip_rev_full` 0 marks an image made before the two fields came (ESP-IDF 4.4.3, 5.0): then the old byte counts, a major
 * revision on the ESP32, a minor one on the ESP32-C3, the only chips that used it.
 */
function readRevisions(bytes: Uint8Array, chip: Chip | null): Pick<Findings, 'minChipRevision' | 'maxChipRevision'> {
  const min = u16At(bytes, MIN_REVISION_OFFSET);
  const max = u16At(bytes, MAX_REVISION_OFFSET);
  if (max !== 0) return { minChipRevision: min, maxChipRevision: max === NO_MAX_REVISION ? null : max };
  const old = byteAt(bytes, OLD_MIN_REVISION_OFFSET);
  if (min !== 0) return { minChipRevision: min, maxChipRevision: null };
  if (old === 0) return { minChipRevision: null, maxChipRevision: null };
  return { minChipRevision: chip === 'esp32c3' ? old : old * 100, maxChipRevision: null };
}

/** Code or data that is mapped from flash makes an application; a bootloader runs from RAM alone. */
function kindOf(chip: Chip | null, segments: readonly Segment[], isDescribed: boolean): ImageKind {
  if (isDescribed || segments.length === 0) return 'app';
  if (chip === null) return 'data';
  const { flashMapped } = CHIP_FACTS[chip];
  return segments.some(({ loadAddress }) => isWithin(loadAddress, flashMapped)) ? 'app' : 'bootloader';
}

interface Seal {
  readonly endsAt: number | null;
  readonly digest: Findings['digest'];
  readonly problem: ErrorReport | null;
}

/** The SHA-256 behind the checksum, where header byte 23 announces one. */
function readSeal(bytes: Uint8Array, checksumEnd: number | null): Seal {
  const flag = byteAt(bytes, HASH_APPENDED_OFFSET);
  if (flag > 1) {
    const report = problem('IMAGE_MALFORMED', `its "hash appended" byte is ${hex(flag)}; it can be 0 or 1`);
    return { endsAt: null, digest: null, problem: report };
  }
  if (checksumEnd === null || flag === 0) return { endsAt: checksumEnd, digest: null, problem: null };
  const endsAt = checksumEnd + DIGEST_BYTES;
  if (endsAt > bytes.length) {
    return { endsAt: null, digest: null, problem: truncated('inside its SHA-256', bytes.length, endsAt) };
  }
  const stored = hexOf(bytes.subarray(checksumEnd, endsAt));
  const computed = sha256Of(bytes.subarray(0, checksumEnd));
  if (stored === computed) return { endsAt, digest: { stored, computed }, problem: null };
  const report = problem('IMAGE_CORRUPT', `its SHA-256 is ${computed}, the one appended to it is ${stored}`);
  return { endsAt, digest: { stored, computed }, problem: report };
}

/** What an ESP32-family image looks like where another format's reader wonders: magic and the pin bytes of the extended header. */
export function looksLikeEsp32Image(bytes: Uint8Array, offset: number): boolean {
  return startsWith(bytes, offset, [IMAGE_MAGIC]) && byteAt(bytes, offset + HASH_APPENDED_OFFSET) <= 1;
}
