/**
 * What the job engine does about an error.
 * - `retry`: the queue waits and tries again.
 * - `permanent`: the job fails now; a retry would meet the same answer.
 * - `uncertain`: the device may have taken the image; it is identified first and never sent to again blindly.
 * - `fatal`: the process cannot go on.
 */
export type Disposition = 'retry' | 'permanent' | 'uncertain' | 'fatal';

interface CatalogueEntry {
  readonly disposition: Disposition;
  /** What a person can do, in the imperative. */
  readonly hint: string;
}

/** Every error dropflash can report. Each code has a section in docs/errors.md (test/docs.test.ts). */
export const CATALOGUE = {
  // --- IMAGE: what is wrong with a file ------------------------------------------------------------------------------
  IMAGE_EMPTY: { disposition: 'permanent', hint: 'Build or copy the file again; it holds no bytes.' },
  IMAGE_TRUNCATED: { disposition: 'permanent', hint: 'Copy the file again; it ends before its own structure does.' },
  IMAGE_CORRUPT: { disposition: 'permanent', hint: 'Build or copy the file again; its own checksum or hash is wrong.' },
  IMAGE_MALFORMED: { disposition: 'permanent', hint: 'Check that the file is the firmware image your build made.' },
  IMAGE_NOT_FIRMWARE: {
    disposition: 'permanent',
    hint: 'Drop the .bin your build makes, not the ELF, hex, UF2 or text file beside it.',
  },
  IMAGE_TOO_LARGE: {
    disposition: 'permanent',
    hint: 'No supported device takes an image of this size; check the file.',
  },
  IMAGE_WRONG_CHIP: {
    disposition: 'permanent',
    hint: 'Build for the chip of this device, or correct the chip in the config if the config is wrong.',
  },
  IMAGE_NOT_OTA: {
    disposition: 'permanent',
    hint: 'Send the application image over the air; flash a factory (merged) image or bootloader over USB.',
  },
  IMAGE_HASH_MISMATCH: {
    disposition: 'permanent',
    hint: 'Copy the image and its .sha256 again; they do not belong together.',
  },

  // --- SERVICE: the daemon and its surroundings ------------------------------------------------------------------------
  SERVICE_ALREADY_RUNNING: {
    disposition: 'fatal',
    hint: 'Stop the other one first, or give this one a data folder of its own.',
  },
  SERVICE_DATA_FOLDER: {
    disposition: 'fatal',
    hint: 'Make the data folder writable for the user that dropflash runs as.',
  },

  // --- USAGE: the command line -----------------------------------------------------------------------------------------
  USAGE_WRONG: { disposition: 'permanent', hint: 'Run the command with --help to see its arguments and examples.' },
  USAGE_BAD_TARGET: {
    disposition: 'permanent',
    hint: 'Write the target as PROTOCOL://HOST or PROTOCOL://HOST:PORT, for example espota://192.168.1.40.',
  },

  // --- JOB: what the job engine reports --------------------------------------------------------------------------------
  JOB_INTERRUPTED: { disposition: 'retry', hint: 'Nothing to do: the job goes on when the daemon runs again.' },
  JOB_NOT_RETURNED: {
    disposition: 'permanent',
    hint: 'Look at the device: it took the image and was not seen again. Without mDNS in its firmware, set "verify.by".',
  },
  JOB_OUTCOME_UNKNOWN: {
    disposition: 'uncertain',
    hint: 'Look at which version the device runs; it is not sent to again until a newer image is dropped.',
  },
  JOB_EXPIRED: { disposition: 'permanent', hint: 'Drop the file again, or set a longer "expires" in the rule.' },
  JOB_PROGRAM_ERROR: { disposition: 'permanent', hint: 'Report this with the log: it is a mistake in dropflash.' },

  // --- JOURNAL: the daemon's memory ------------------------------------------------------------------------------------
  JOURNAL_UNUSABLE: {
    disposition: 'fatal',
    hint: 'Check the "data" path of the config, its owner and the free space; keep the file, it holds the history.',
  },
  JOURNAL_TOO_NEW: {
    disposition: 'fatal',
    hint: 'Run the newer dropflash again, or give this one another "data" folder.',
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof CATALOGUE;

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
