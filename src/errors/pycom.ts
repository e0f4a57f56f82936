import type { ErrorTable } from './entry.ts';

/** What the servers of Pycom's modules say, or do not. */
export const PYCOM_ERRORS = {
  PYCOM_WRONG_SERVER: {
    disposition: 'permanent',
    hint: 'Check address and port; the server there is not that of a Pycom module.',
  },
  PYCOM_BUSY: {
    disposition: 'retry',
    hint: 'Close the other FTP or telnet session on the device, or raise "wait-if-busy"; it serves one at a time.',
  },
  PYCOM_LOGIN_REFUSED: {
    disposition: 'permanent',
    hint: 'Set "user" and "password" to those of the device (server.init in its boot.py); it comes with micro and python.',
  },
  PYCOM_UNEXPECTED_ANSWER: {
    disposition: 'retry',
    hint: 'Check that address and port belong to a Pycom module; the server said something else than it does.',
  },
  PYCOM_SESSION_LOST: { disposition: 'retry', hint: 'Check power and radio signal of the device.' },
  PYCOM_NO_TELNET: {
    disposition: 'retry',
    hint: 'Close other telnet sessions, and let the device start its servers; or set "reset: none" and switch it off and on yourself.',
  },
  PYCOM_WRONG_MODEL: {
    disposition: 'permanent',
    hint: 'Use the image of this board; set "check-board: false" if your build is right and only its name differs.',
  },
  PYCOM_WRONG_GENERATION: {
    disposition: 'permanent',
    hint: 'Use an image of the generation of its boot loader; the step from 1.17.1 to 1.17.2 takes USB once.',
  },
  PYCOM_NO_SPACE: {
    disposition: 'permanent',
    hint: 'Use a smaller build, or set "flash" if the module has more flash than it tells.',
  },
  PYCOM_NO_DATA_CONNECTION: {
    disposition: 'retry',
    hint: 'Open TCP port 2024 of the device in firewalls on the way; it offers passive connections only.',
  },
  PYCOM_SLOT_NOT_ERASED: {
    disposition: 'retry',
    hint: 'Restart the device if it stays so; it could not erase the slot for the image.',
  },
  PYCOM_UPLOAD_BROKEN: {
    disposition: 'retry',
    hint: 'Check power and radio signal; the device is not reset, and keeps its old firmware.',
  },
  PYCOM_STALLED: {
    disposition: 'retry',
    hint: 'Check the radio signal; the upload came to a halt. The device is not reset, and keeps its old firmware.',
  },
  PYCOM_FLASH_FAILED: {
    disposition: 'retry',
    hint: 'If it repeats, the flash of the module is worn; the device is not reset, and keeps its old firmware.',
  },
  PYCOM_POWER_CYCLE: {
    disposition: 'permanent',
    hint: 'Switch the device off and on (it starts its old firmware), then run the job again.',
  },
  PYCOM_RESULT_LOST: {
    disposition: 'uncertain',
    hint: 'Look which firmware the device runs after its next start; it was not reset.',
  },
  PYCOM_NOT_RESET: {
    disposition: 'uncertain',
    hint: 'Switch the device off and on: it starts the image then. Look which firmware it runs.',
  },
} as const satisfies ErrorTable;
