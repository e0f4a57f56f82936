import type { ErrorTable } from './entry.ts';

/** What is wrong with the config file or the command line. */
export const CONFIG_ERRORS = {
  // --- CONFIG: what is wrong with the config file --------------------------------------------------------------------
  CONFIG_UNREADABLE: { disposition: 'fatal', hint: 'Check the path, the kind and the permissions of the config file.' },
  CONFIG_SYNTAX: { disposition: 'fatal', hint: 'Correct the YAML; an editor with a YAML extension shows the place.' },
  CONFIG_WRONG_VERSION: { disposition: 'fatal', hint: 'Use the dropflash that this config was written for.' },
  CONFIG_UNKNOWN_KEY: { disposition: 'fatal', hint: 'Correct the key or remove it; docs/config.md lists them all.' },
  CONFIG_MISSING_KEY: { disposition: 'fatal', hint: 'Add the key; docs/config.md says what it means.' },
  CONFIG_WRONG_TYPE: { disposition: 'fatal', hint: 'Write the kind of value that is named in the message.' },
  CONFIG_BAD_VALUE: { disposition: 'fatal', hint: 'Write a value as the message describes it.' },
  CONFIG_DUPLICATE: { disposition: 'fatal', hint: 'Rename or remove one of the two.' },
  CONFIG_CONFLICT: { disposition: 'fatal', hint: 'Change one of the two settings that exclude each other.' },
  CONFIG_UNKNOWN_PROTOCOL: { disposition: 'fatal', hint: 'Use a protocol that the message lists.' },
  CONFIG_SECRET_MISSING: {
    disposition: 'permanent',
    hint: 'Set the environment variable or provide the file that the config names.',
  },

  // --- USAGE: the command line ---------------------------------------------------------------------------------------
  USAGE_WRONG: { disposition: 'permanent', hint: 'Run the command with --help to see its arguments and examples.' },
  USAGE_INTERRUPTED: {
    disposition: 'permanent',
    hint: 'Run the command again when it suits; the device keeps its old application.',
  },
  USAGE_BAD_TARGET: {
    disposition: 'permanent',
    hint: 'Write the target as PROTOCOL://HOST or PROTOCOL://HOST:PORT, for example espota://192.168.1.40.',
  },
} as const satisfies ErrorTable;
