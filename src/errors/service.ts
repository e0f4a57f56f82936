import type { ErrorTable } from './entry.ts';

/** What hinders the daemon itself, and those it tells. */
export const SERVICE_ERRORS = {
  // --- SERVICE: the daemon and its surroundings ----------------------------------------------------------------------
  SERVICE_ALREADY_RUNNING: {
    disposition: 'fatal',
    hint: 'Stop the other one first, or give this one a data folder of its own.',
  },
  SERVICE_DATA_FOLDER: {
    disposition: 'fatal',
    hint: 'Make the data folder writable for the user that dropflash runs as.',
  },

  // --- CONTROL: commands to the running daemon -----------------------------------------------------------------------
  CONTROL_NOT_RUNNING: {
    disposition: 'permanent',
    hint: 'Start the daemon ("dropflash run", or the service), or name its config with -c. If "data" or "control" was changed since it started, restart it.',
  },
  CONTROL_DISABLED: {
    disposition: 'permanent',
    hint: 'Remove "control: false" from the config and restart the daemon.',
  },
  CONTROL_NO_ACCESS: {
    disposition: 'permanent',
    hint: "Run the command as the daemon's user, or as a member of its group.",
  },
  CONTROL_NO_ANSWER: {
    disposition: 'retry',
    hint: 'Look into the log of the daemon; it was reached and did not answer.',
  },
  CONTROL_BAD_ANSWER: {
    disposition: 'permanent',
    hint: 'Use the command of the same version as the daemon, and check "control.socket".',
  },
  CONTROL_BAD_REQUEST: { disposition: 'permanent', hint: 'Write the request as docs/control.md describes it.' },
  CONTROL_BUSY: { disposition: 'retry', hint: 'End some of the "dropflash watch" that are running.' },
  CONTROL_UNUSABLE: {
    disposition: 'retry',
    hint: 'Remove what stands in its place, and it is listened on within ten seconds; or correct "control.socket" and restart the daemon.',
  },
  CONTROL_DEVICE_UNKNOWN: {
    disposition: 'permanent',
    hint: 'Look for its name with "dropflash devices".',
  },
  CONTROL_DEVICE_AMBIGUOUS: {
    disposition: 'permanent',
    hint: 'Name the device by its id; "dropflash devices" prints it.',
  },

  // --- SERVER: what listens for devices ------------------------------------------------------------------------------
  SERVER_NOT_LISTENING: {
    disposition: 'retry',
    hint: 'Free the port or give the server another; below 1024 the service needs CAP_NET_BIND_SERVICE. It is tried again.',
  },

  // --- HOOK: telling others ------------------------------------------------------------------------------------------
  HOOK_FAILED: {
    disposition: 'permanent',
    hint: 'Run the program of the hook by hand, or ask its URL with curl; devices are updated all the same.',
  },

  // --- AUDIT: the record of what was done ----------------------------------------------------------------------------
  AUDIT_BROKEN: {
    disposition: 'permanent',
    hint: 'Run "dropflash audit verify" to see where, and find out who changed it; new records go on behind the gap.',
  },
  AUDIT_NOT_WRITTEN: {
    disposition: 'retry',
    hint: 'Check the data folder: its disk, its owner, its permissions. The records are kept and written later.',
  },
} as const satisfies ErrorTable;
