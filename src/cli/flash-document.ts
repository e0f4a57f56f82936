import type { ErrorReport, FlashError } from '../errors.ts';
import type { FirmwareImage } from '../model/image.ts';
import type { Proof } from '../model/proof.ts';
import type { FlashReport } from '../protocols/protocol.ts';
import { humanDuration, humanSize } from './output.ts';
import { type Target, targetName, withoutPassword } from './target.ts';

/** What `flash --json` prints. The names are a contract with scripts. */
export interface FlashDocument {
  readonly outcome: 'succeeded' | 'failed';
  /** How far the outcome is known; null where the device does not have the whole image. */
  readonly proof: Proof | null;
  /** Null where `--to` names none. */
  readonly protocol: string | null;
  readonly device: string;
  /** Null, like `sha256`, where the image could not be read. */
  readonly bytes: number | null;
  readonly sha256: string | null;
  /** From the first attempt to the last word, pauses included. */
  readonly elapsedMs: number;
  /** Of the attempt that succeeded; 0 where none did. */
  readonly bytesPerSecond: number;
  readonly attempts: number;
  readonly error: Pick<ErrorReport, 'code' | 'message' | 'hint'> | null;
}

/** What a `flash` has found out before it ended, however early that was. */
export interface FlashFindings {
  target: Target | null;
  image: FirmwareImage | null;
}

/** What a run of `dropflash flash` knows at its end. */
export interface FlashEnd {
  readonly attempts: number;
  readonly elapsedMs: number;
  readonly report: FlashReport | null;
  /** Stronger than that of the report, where the device was watched afterwards. */
  readonly proof?: Proof;
  /** Null where it succeeded. */
  readonly error: FlashError | null;
}

/** `to` is the target as it was written; a password in it does not come into the document. */
export function flashDocument(to: string, { target, image }: FlashFindings, end: FlashEnd): FlashDocument {
  const { report, error } = end;
  return {
    outcome: error === null ? 'succeeded' : 'failed',
    proof: end.proof ?? report?.proof ?? proofOfFailure(error, image),
    protocol: target?.protocol.name ?? null,
    device: target === null ? withoutPassword(to) : targetName(target),
    bytes: image?.sizeBytes ?? null,
    sha256: image?.sha256 ?? null,
    elapsedMs: Math.round(end.elapsedMs),
    bytesPerSecond:
      report === null || error !== null ? 0 : Math.round((report.sentBytes * 1_000) / Math.max(1, report.elapsedMs)),
    attempts: end.attempts,
    error: error === null ? null : { code: error.code, message: error.message, hint: error.hint },
  };
}

/** A device that had the whole image when its answer was lost may run it. */
function proofOfFailure(error: FlashError | null, image: FirmwareImage | null): Proof | null {
  const sentBytes = error?.disposition === 'uncertain' ? error.details?.['sentBytes'] : undefined;
  return image !== null && sentBytes === image.sizeBytes ? 'sent' : null;
}

/** The same for a person, for a success. */
export function describeSuccess(document: FlashDocument): string {
  const { device, proof, bytes, elapsedMs, bytesPerSecond, attempts } = document;
  const tries = attempts === 1 ? '' : `, ${attempts} attempts`;
  return `${device}: ${proof}, ${humanSize(bytes ?? 0)} in ${humanDuration(elapsedMs)} (${humanSize(bytesPerSecond)}/s${tries})`;
}
