import type { ErrorTable } from './entry.ts';

/** What stops a board on a port of the production line. */
export const LINE_ERRORS = {
  // --- LINE: boards on ports, one after the other --------------------------------------------------------------------
  LINE_STALLED: {
    disposition: 'retry',
    hint: 'Unplug the board and plug it in again; if it stays so, change cable or hub port.',
  },
  LINE_INTERRUPTED: {
    disposition: 'retry',
    hint: 'Plug the board in again, or leave it: the next run writes and compares everything anew.',
  },
  LINE_BOARD_AGAIN: {
    disposition: 'permanent',
    hint: 'Put the board with the finished ones; set "line.again" to skip or again if boards may come twice.',
  },
  LINE_NO_RELEASE: {
    disposition: 'permanent',
    hint: 'Drop an image for this chip, or put the right board into the fixture.',
  },
  LINE_BOOT_REJECTED: {
    disposition: 'permanent',
    hint: 'Look at the boot text in the unit record; the board prints what "boot-check.reject" names.',
  },
  LINE_BOOT_MISSING: {
    disposition: 'permanent',
    hint: 'Look at the boot text in the unit record: the board does not start as it should, or prints at another rate.',
  },

  // --- UNIT: values of its own for each board ------------------------------------------------------------------------
  UNIT_DATA_UNREADABLE: {
    disposition: 'permanent',
    hint: 'Put the file where "unit-data" or the table says, and make it readable for dropflash.',
  },
  UNIT_DATA_EXHAUSTED: {
    disposition: 'permanent',
    hint: 'Add rows to the file; it is read anew for each board. "dropflash units" shows who has which row.',
  },
  UNIT_DATA_NO_PARTITION: {
    disposition: 'permanent',
    hint: 'Set "unit-data.partition" to a partition of type nvs, or flash a partition table that has it.',
  },

  // --- BACKUP: the whole flash of a board in a file ------------------------------------------------------------------
  BACKUP_NO_SIZE: {
    disposition: 'permanent',
    hint: 'Name the size with --size; the flash chip does not tell it.',
  },
  BACKUP_EXISTS: {
    disposition: 'permanent',
    hint: 'Give another name with --out, or put it in place of the one that is there with --force.',
  },
  BACKUP_NOT_WRITTEN: { disposition: 'retry', hint: 'Make room on the disk, or write the backup elsewhere.' },
  BACKUP_UNREADABLE: {
    disposition: 'permanent',
    hint: 'Name the .bin file of the backup; its .json has to lie beside it.',
  },
  BACKUP_DAMAGED: { disposition: 'permanent', hint: 'Use another backup; the bytes of this one have changed.' },
  BACKUP_OTHER_BOARD: {
    disposition: 'permanent',
    hint: 'Plug in the board the backup is of, or use --force if you know that it fits.',
  },
  BACKUP_OTHER_ENCRYPTION: {
    disposition: 'permanent',
    hint: 'Use a backup that was made since, or --force if you know that the chip can start it.',
  },
} as const satisfies ErrorTable;
