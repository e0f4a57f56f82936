import type { ErrorTable } from './entry.ts';

/** What the job engine and its rollouts report. */
export const JOBS_ERRORS = {
  // --- JOB: what the job engine reports ------------------------------------------------------------------------------
  JOB_INTERRUPTED: { disposition: 'retry', hint: 'Nothing to do: the job goes on when the daemon runs again.' },
  JOB_NOT_RETURNED: {
    disposition: 'permanent',
    hint: 'Look at the device: it took the image and was not seen again. Where neither mDNS nor ping reaches it, set "verify.by".',
  },
  JOB_OUTCOME_UNKNOWN: {
    disposition: 'uncertain',
    hint: 'Look at which version the device runs. It is not sent to again by itself; "dropflash retry JOB --force" does.',
  },
  JOB_NO_VERSION: {
    disposition: 'permanent',
    hint: 'Use an image that says its version (ESP32 family), or a rule without "verify.version"; nothing was sent.',
  },
  JOB_VERSION_UNTOLD: {
    disposition: 'retry',
    hint: 'Let the device say its version ("verify.version"), or, where it is above the ladder for sure, set "allow: [version-unknown]"; nothing was sent.',
  },
  JOB_RUNG_MISSING: {
    disposition: 'retry',
    hint: 'Drop the image of that version; the device then goes on by itself. Nothing was sent.',
  },
  JOB_NOT_VERIFIED: {
    disposition: 'permanent',
    hint: 'Look at the device: it took the image and came back, and does not say the version of the image. Compare "verify.version".',
  },
  JOB_ROLLED_BACK: {
    disposition: 'permanent',
    hint: 'Look into the new firmware: the device started it, or tried to, and went back to the one before.',
  },
  JOB_NOT_SOAKED: {
    disposition: 'permanent',
    hint: 'Look at the device and its power: it came back with the new firmware and did not stay well.',
  },
  JOB_EXPIRED: { disposition: 'permanent', hint: 'Drop the file again, or set a longer "expires" in the rule.' },
  JOB_NOT_FOUND: { disposition: 'permanent', hint: 'Look for the id with "dropflash jobs".' },
  JOB_IMAGE_GONE: {
    disposition: 'permanent',
    hint: 'Drop the file again; its bytes are not in the data folder any more.',
  },
  JOB_PROGRAM_ERROR: { disposition: 'permanent', hint: 'Report this with the log: it is a mistake in dropflash.' },
  JOB_NOT_RETRYABLE: {
    disposition: 'permanent',
    hint: 'Look at the device with "dropflash explain"; to bring it another image, drop that image.',
  },
  JOB_NEEDS_FORCE: {
    disposition: 'permanent',
    hint: 'Look at which version the device runs; if it is the old one, run the command again with --force.',
  },
  JOB_NOT_CANCELLABLE: {
    disposition: 'permanent',
    hint: 'A job that has ended has nothing left to take out; wait for the end of one that is being sent, since to cut it off could leave the device half-updated.',
  },

  // --- ROLLOUT: canaries and waves -----------------------------------------------------------------------------------
  ROLLOUT_NOT_FOUND: {
    disposition: 'permanent',
    hint: 'Look for the id with "dropflash rollouts"; releases of rules without "rollout" have none.',
  },
  ROLLOUT_NOT_POSSIBLE: { disposition: 'permanent', hint: 'Look at its state with "dropflash rollout ID".' },

  // --- PUBLISH: what devices fetch by themselves ---------------------------------------------------------------------
  PUBLISH_NUMBERS_USED: {
    disposition: 'permanent',
    hint: 'Give the program another name in the rule and in its source; the numbers of this name are used up.',
  },
  PUBLISH_RULE_GONE: {
    disposition: 'retry',
    hint: 'Put the rule back into the config until the files are withdrawn, or remove them from the server by hand.',
  },
  PUBLISH_UNREACHABLE: {
    disposition: 'retry',
    hint: 'Check the address in "server" and that the FTP server runs; it is tried again.',
  },
  PUBLISH_LOGIN_REFUSED: {
    disposition: 'retry',
    hint: 'Correct "user" and "password" of the rule; it is tried again.',
  },
  PUBLISH_REFUSED: {
    disposition: 'retry',
    hint: 'Give the user the right to write, rename and delete in that folder, and free some space there; it is tried again.',
  },
  PUBLISH_WRONG_SIZE: {
    disposition: 'retry',
    hint: 'Look at the disk of the FTP server, and whether it changes line ends (it has to store in binary mode).',
  },

  // --- JOURNAL: the daemon's memory ----------------------------------------------------------------------------------
  JOURNAL_UNUSABLE: {
    disposition: 'fatal',
    hint: 'Check the "data" path of the config, its owner and the free space; keep the file, it holds the history.',
  },
  JOURNAL_NOT_FOUND: {
    disposition: 'permanent',
    hint: 'Start the daemon with this config once, or name its config with -c.',
  },
  JOURNAL_TOO_OLD: {
    disposition: 'permanent',
    hint: 'Start the daemon of this version once; it brings the journal up to date.',
  },
  JOURNAL_TOO_NEW: {
    disposition: 'fatal',
    hint: 'Run the newer dropflash again, or give this one another "data" folder.',
  },
} as const satisfies ErrorTable;
