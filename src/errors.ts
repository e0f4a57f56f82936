import { CONFIG_ERRORS } from './errors/config.ts';
import type { Disposition } from './errors/entry.ts';
import { ESPAT_ERRORS } from './errors/espat.ts';
import { ESPOTA_ERRORS } from './errors/espota.ts';
import { FIRMWARE_ERRORS } from './errors/firmware.ts';
import { JOBS_ERRORS } from './errors/jobs.ts';
import { LINE_ERRORS } from './errors/line.ts';
import { NETWORK_ERRORS } from './errors/network.ts';
import { PYCOM_ERRORS } from './errors/pycom.ts';
import { SERIAL_ERRORS } from './errors/serial.ts';
import { SERVICE_ERRORS } from './errors/service.ts';
import { WATCHER_ERRORS } from './errors/watcher.ts';

export type { Disposition } from './errors/entry.ts';

/** Every error dropflash can report, from one table an area. Each code has a section in docs/errors.md, in this order. */
export const CATALOGUE = {
  ...CONFIG_ERRORS,
  ...FIRMWARE_ERRORS,
  ...WATCHER_ERRORS,
  ...JOBS_ERRORS,
  ...LINE_ERRORS,
  ...SERVICE_ERRORS,
  ...NETWORK_ERRORS,
  ...ESPOTA_ERRORS,
  ...PYCOM_ERRORS,
  ...SERIAL_ERRORS,
  ...ESPAT_ERRORS,
} as const;

/** `AREA_WHAT`: a key of {@link CATALOGUE}. */
export type ErrorCode = keyof typeof CATALOGUE;

/** What an error knows beside its sentence. */
export interface FlashErrorOptions {
  readonly cause?: unknown;
  /** The step of an attempt that failed, in the protocol's words. */
  readonly step?: string;
  /** Numbers and names behind the message, for machines. No secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An error as it is logged, journalled and printed with `--json`. */
export interface ErrorReport {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly step?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The one error class. `message` says what happened to what, with the numbers; `hint` and `disposition` come from the
 * catalogue. Programmer mistakes stay ordinary exceptions.
 */
export class FlashError extends Error {
  override readonly name = 'FlashError';
  readonly code: ErrorCode;
  readonly step: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: FlashErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.step = options.step;
    this.details = options.details;
  }

  get disposition(): Disposition {
    return CATALOGUE[this.code].disposition;
  }

  get hint(): string {
    return CATALOGUE[this.code].hint;
  }

  toJSON(): ErrorReport {
    return {
      code: this.code,
      message: this.message,
      hint: this.hint,
      ...(this.step === undefined ? {} : { step: this.step }),
      ...(this.details === undefined ? {} : { details: this.details }),
    };
  }
}
