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
  IMAGE_UNREADABLE: { disposition: 'permanent', hint: 'Check the path and the permissions of the file.' },
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

  // --- PACKAGE: several images with their places in flash ------------------------------------------------------------
  PACKAGE_REFUSED: {
    disposition: 'permanent',
    hint: 'Pack the files again with plain names and without links; an archive like this one is not opened.',
  },
  PACKAGE_UNKNOWN: {
    disposition: 'permanent',
    hint: 'Drop the .bin itself, or pack it with the manifest that says what goes where (docs/packages.md).',
  },
  PACKAGE_MALFORMED: {
    disposition: 'permanent',
    hint: 'Build the package again; its manifest does not say what goes where.',
  },
  PACKAGE_FILE_MISSING: {
    disposition: 'permanent',
    hint: 'Pack every file that the manifest names, under the path it gives.',
  },
  PACKAGE_OVERLAP: {
    disposition: 'permanent',
    hint: 'Correct the offsets in the manifest, or make the image smaller.',
  },
  PACKAGE_BEYOND_FLASH: {
    disposition: 'permanent',
    hint: 'Build for the flash size that the board really has, or make the image smaller.',
  },
  PACKAGE_CHIP_CONFLICT: {
    disposition: 'permanent',
    hint: 'Build all images of the package for one chip; look for one left over from another build.',
  },
  PACKAGE_MISPLACED: {
    disposition: 'permanent',
    hint: 'Correct the offset in the manifest; written there, the image would not start or would replace another.',
  },
  PACKAGE_ERASES_KEYS: {
    disposition: 'permanent',
    hint: "Take the instruction out of the package; the board's own keys would be gone for good.",
  },
  PACKAGE_NO_SET: {
    disposition: 'permanent',
    hint: 'Use a package that was built for the chip and the flash size of this board.',
  },

  // --- NVS: values for the flash of each board -------------------------------------------------------------------------
  NVS_BAD_TABLE: { disposition: 'permanent', hint: 'Correct the line of the CSV file that the message names.' },
  NVS_BAD_ENTRY: {
    disposition: 'permanent',
    hint: 'Correct the key or its value; keys have 15 bytes at most, and a value fits its type.',
  },
  NVS_FULL: {
    disposition: 'permanent',
    hint: 'Make the NVS partition larger in the partition table, or store less in it.',
  },
  NVS_DAMAGED: {
    disposition: 'permanent',
    hint: 'Erase the NVS partition and write it again; its checksums are wrong.',
  },

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

  // --- WATCH: the drop folder ------------------------------------------------------------------------------------------
  WATCH_FOLDER_UNUSABLE: {
    disposition: 'fatal',
    hint: 'Correct drop.path in the config, or give dropflash the right to write there.',
  },
  WATCH_FOLDER_GONE: {
    disposition: 'retry',
    hint: 'Mount the share or make the folder again; dropflash goes on by itself as soon as it is back.',
  },
  WATCH_NO_EVENTS: {
    disposition: 'retry',
    hint: 'Raise fs.inotify.max_user_watches or max_user_instances, or set the config to polling.',
  },
  WATCH_UNREADABLE: {
    disposition: 'retry',
    hint: 'Give dropflash the right to read the file, or close the program that holds it.',
  },
  WATCH_NOT_TAKEN: {
    disposition: 'retry',
    hint: 'Look at the cause in the message; the file stays where it is and is tried again.',
  },
  WATCH_MOVE_FAILED: {
    disposition: 'retry',
    hint: 'Give dropflash the right to write in the drop folder and its sub-folders, and free some space there.',
  },
  WATCH_EMPTY: { disposition: 'retry', hint: 'Copy the file again, or remove it; it holds no bytes.' },
  WATCH_LINK: { disposition: 'permanent', hint: 'Drop the file itself; links are not followed.' },
  WATCH_NOT_A_FILE: { disposition: 'permanent', hint: 'Remove it; only plain files are taken.' },
  WATCH_STILL_GROWING: {
    disposition: 'retry',
    hint: 'Look for the program that writes to the file; it is taken once it stands still.',
  },
  WATCH_UNKNOWN_FILE: {
    disposition: 'permanent',
    hint: 'Move it to the drop folder to have it flashed, or remove it.',
  },

  // --- TRUST: whose files are used -----------------------------------------------------------------------------------
  TRUST_UNSIGNED: {
    disposition: 'permanent',
    hint: 'Sign the file (minisign -S -m FILE) and drop it again with its .minisig, the .minisig first.',
  },
  TRUST_BAD_SIGNATURE: {
    disposition: 'permanent',
    hint: 'Find out where this file comes from; it is not what was signed. Sign and drop the right one.',
  },
  TRUST_UNKNOWN_KEY: {
    disposition: 'permanent',
    hint: 'Sign the file with a key of "trust.minisign", or add the public key there if its owner is trusted.',
  },
  TRUST_NOT_LISTED: {
    disposition: 'permanent',
    hint: 'Add the SHA-256 of the file to the checksum file of "trust.checksums", and drop the file again.',
  },
  TRUST_MANIFEST: {
    disposition: 'retry',
    hint: 'Put the checksum file where "trust.checksums" says; files wait until it can be read.',
  },

  // --- STORE: the folder of firmware images --------------------------------------------------------------------------
  STORE_FULL: { disposition: 'retry', hint: 'Make room on the disk that holds the data folder.' },
  STORE_FAILED: { disposition: 'retry', hint: 'Check the data folder: its disk, its owner, its permissions.' },
  STORE_CORRUPT: {
    disposition: 'permanent',
    hint: 'Drop the image again, which mends the copy, and check the disk that holds the data folder.',
  },
  STORE_MISSING: { disposition: 'permanent', hint: 'Drop the image again; it was removed from the data folder.' },

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
  USAGE_INTERRUPTED: {
    disposition: 'permanent',
    hint: 'Run the command again when it suits; the device keeps its old application.',
  },
  USAGE_BAD_TARGET: {
    disposition: 'permanent',
    hint: 'Write the target as PROTOCOL://HOST or PROTOCOL://HOST:PORT, for example espota://192.168.1.40.',
  },

  // --- JOB: what the job engine reports --------------------------------------------------------------------------------
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
    hint: 'Wait for its end; what is being sent is not cut off, since that could leave the device half-updated.',
  },

  // --- CONTROL: commands to the running daemon -------------------------------------------------------------------------
  CONTROL_NOT_RUNNING: {
    disposition: 'permanent',
    hint: 'Start the daemon ("dropflash run", or the service), or name its config with -c.',
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
    hint: 'Correct "control.socket", or remove what stands in its place, and restart the daemon.',
  },
  CONTROL_DEVICE_UNKNOWN: {
    disposition: 'permanent',
    hint: 'Look for its name with "dropflash devices".',
  },
  CONTROL_DEVICE_AMBIGUOUS: {
    disposition: 'permanent',
    hint: 'Name the device by its id; "dropflash devices" prints it.',
  },

  // --- LINE: boards on ports, one after the other ----------------------------------------------------------------------
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

  // --- UNIT: values of its own for each board --------------------------------------------------------------------------
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

  // --- BACKUP: the whole flash of a board in a file --------------------------------------------------------------------
  BACKUP_NO_SIZE: {
    disposition: 'permanent',
    hint: 'Name the size with --size; the flash chip does not tell it.',
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

  // --- ROLLOUT: canaries and waves -------------------------------------------------------------------------------------
  ROLLOUT_NOT_FOUND: {
    disposition: 'permanent',
    hint: 'Look for the id with "dropflash rollouts"; releases of rules without "rollout" have none.',
  },
  RELEASE_NOT_FOUND: { disposition: 'permanent', hint: 'Look for the id with "dropflash releases".' },
  ROLLOUT_NOT_POSSIBLE: { disposition: 'permanent', hint: 'Look at its state with "dropflash rollout ID".' },

  // --- PUBLISH: what devices fetch by themselves -----------------------------------------------------------------------
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

  // --- RELEASE: several images in one drop -----------------------------------------------------------------------------
  RELEASE_INVALID: {
    disposition: 'permanent',
    hint: 'Correct the lines that the message names (docs/release-files.md), and drop release and images again.',
  },
  RELEASE_IMAGE_MISSING: {
    disposition: 'permanent',
    hint: 'Drop the release again, with every image that it names under the path it gives.',
  },
  RELEASE_REJECTED: {
    disposition: 'permanent',
    hint: 'Drop the release again, complete: its own result file tells what was wrong with it.',
  },
  RELEASE_IMAGE_UNWANTED: {
    disposition: 'permanent',
    hint: 'Correct the rules that the release names, or the firmware selectors of the config, and drop it again.',
  },

  // --- SERVER: what listens for devices ---------------------------------------------------------------------------------
  SERVER_NOT_LISTENING: {
    disposition: 'retry',
    hint: 'Free the port or give the server another; below 1024 the service needs CAP_NET_BIND_SERVICE. It is tried again.',
  },

  // --- WASPMOTE: programs for Libelium's Waspmote ----------------------------------------------------------------------
  WASPMOTE_BAD_NAME: {
    disposition: 'permanent',
    hint: 'Drop the file under the 7 characters that the IDE exported it as, or set "name" in the rule.',
  },
  WASPMOTE_BAD_PROGRAM: {
    disposition: 'permanent',
    hint: 'Drop the binary that the Waspmote IDE exports, not the .hex beside it or a file of another device.',
  },
  WASPMOTE_BROKEN_OFF: {
    disposition: 'retry',
    hint: 'Nothing to do if it comes again; else look at the reception of the device and the idle times of the server.',
  },

  // --- HOOK: telling others --------------------------------------------------------------------------------------------
  HOOK_FAILED: {
    disposition: 'permanent',
    hint: 'Run the program of the hook by hand, or ask its URL with curl; devices are updated all the same.',
  },

  // --- AUDIT: the record of what was done ------------------------------------------------------------------------------
  AUDIT_BROKEN: {
    disposition: 'permanent',
    hint: 'Run "dropflash audit verify" to see where, and find out who changed it; new records go on behind the gap.',
  },
  AUDIT_NOT_WRITTEN: {
    disposition: 'retry',
    hint: 'Check the data folder: its disk, its owner, its permissions. The records are kept and written later.',
  },

  // --- JOURNAL: the daemon's memory ------------------------------------------------------------------------------------
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

  // --- LINK: sockets and routes --------------------------------------------------------------------------------------
  LINK_UNKNOWN_HOST: { disposition: 'retry', hint: 'Use the address in numbers, or correct the name.' },
  LINK_UNREACHABLE: {
    disposition: 'retry',
    hint: 'Check that the device is powered and that this machine has a route to its network.',
  },
  LINK_REFUSED: {
    disposition: 'retry',
    hint: 'The address is alive but nothing listens on this port; check the port, and that the update service of the device is on.',
  },
  LINK_CLOSED: { disposition: 'retry', hint: 'Check power and radio signal of the device.' },
  LINK_NO_PORT: {
    disposition: 'retry',
    hint: 'Free the port, or give "listen" another port or a wider range.',
  },
  LINK_LOCAL_ADDRESS: {
    disposition: 'permanent',
    hint: 'Set "local-address" to an IPv4 address of this machine, or leave it out.',
  },

  // --- OTA: what an ArduinoOTA device says, or does not ----------------------------------------------------------------
  OTA_NEEDS_IPV4: { disposition: 'permanent', hint: 'ArduinoOTA speaks IPv4 only; give the device an IPv4 address.' },
  OTA_NO_ANSWER: {
    disposition: 'retry',
    hint: 'Check power, address and port (8266 for an ESP8266, 3232 for an ESP32), and that the sketch calls ArduinoOTA.handle().',
  },
  OTA_UNEXPECTED_ANSWER: {
    disposition: 'retry',
    hint: 'Check that address and port belong to ArduinoOTA; the device said something else.',
  },
  OTA_AUTH_REQUIRED: { disposition: 'permanent', hint: 'Set "password" to the password of the sketch.' },
  OTA_AUTH_REFUSED: { disposition: 'permanent', hint: 'Correct "password"; it is not the one of the sketch.' },
  OTA_AUTH_NO_ANSWER: {
    disposition: 'retry',
    hint: 'Try again; if it stays so, raise "login-within", or look for a NAT that changes the source port.',
  },
  OTA_DIAL_BACK: {
    disposition: 'retry',
    hint: 'Set "listen" to a fixed port and open it for TCP in the firewall, container or NAT; on an ESP32 also compare the image with its OTA partition.',
  },
  OTA_NO_SPACE: {
    disposition: 'permanent',
    hint: 'Use a smaller build or a gzip image (ESP8266), or flash once over USB with a larger partition.',
  },
  OTA_NO_PARTITION: {
    disposition: 'permanent',
    hint: 'Flash once over USB with a partition table that has an OTA (or filesystem) partition.',
  },
  OTA_BAD_SIZE: { disposition: 'permanent', hint: 'Check the image; the device does not take one of this size.' },
  OTA_BAD_MAGIC: { disposition: 'permanent', hint: 'Check that the image is an application for this chip.' },
  OTA_FLASH_CONFIG: {
    disposition: 'permanent',
    hint: 'Build with the flash size and mode that the board really has.',
  },
  OTA_DEVICE_NOT_READY: {
    disposition: 'permanent',
    hint: 'Press reset on the board once: it was flashed over serial and has not been hard reset since.',
  },
  OTA_DEVICE_BUSY: {
    disposition: 'retry',
    hint: 'Restart the device if it stays so; it lacks memory or is updating already.',
  },
  OTA_CONNECTION_LOST: {
    disposition: 'retry',
    hint: 'Check power and radio signal; the device dropped the transfer and keeps its old application.',
  },
  OTA_STALLED: {
    disposition: 'retry',
    hint: 'Check the radio signal, and that the sketch does not block; the transfer came to a halt.',
  },
  OTA_FLASH_FAILED: {
    disposition: 'retry',
    hint: 'If it repeats, the flash chip is worn or its settings in the build are wrong; try over USB.',
  },
  OTA_CHECKSUM_MISMATCH: {
    disposition: 'retry',
    hint: 'If it repeats, check the flash chip and the power supply; the device read other bytes than were sent.',
  },
  OTA_SIGNATURE_REFUSED: {
    disposition: 'permanent',
    hint: 'Send the signed (or encrypted) image that belongs to the key in the device.',
  },
  OTA_NOT_ACTIVATED: {
    disposition: 'permanent',
    hint: 'Check that the image was built for this chip and revision; the device took it and cannot start it.',
  },
  OTA_ABORTED_BY_DEVICE: { disposition: 'retry', hint: 'Look into the sketch: it ended the update itself.' },
  OTA_REFUSED: {
    disposition: 'permanent',
    hint: "Look up the device's words in the message; they are not known here.",
  },
  OTA_RESULT_LOST: {
    disposition: 'uncertain',
    hint: 'Look which firmware the device runs: it had the whole image when the connection was lost.',
  },

  // --- PYCOM: the servers of Pycom's modules ----------------------------------------------------------------------------
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

  // --- SERIAL: ports, chips in download mode, flash ------------------------------------------------------------------
  SERIAL_PORT_NOT_FOUND: {
    disposition: 'retry',
    hint: 'Plug the board in, or correct the port; "dropflash ports" lists what is there.',
  },
  SERIAL_PORT_DENIED: {
    disposition: 'permanent',
    hint: 'Give this user the right to use the port: on Linux, add it to the group that owns the device (often "dialout").',
  },
  SERIAL_PORT_BUSY: { disposition: 'retry', hint: 'Close the program that holds the port, often a serial monitor.' },
  SERIAL_PORT_LOST: { disposition: 'retry', hint: 'Check cable, hub and power supply; the port went away.' },
  SERIAL_PORT_FAILED: {
    disposition: 'retry',
    hint: 'Unplug the adapter and plug it in again; look for messages of its driver in the system log.',
  },
  SERIAL_PORT_STUCK: {
    disposition: 'retry',
    hint: 'Unplug the adapter and plug it in again; its driver did not answer.',
  },
  SERIAL_BAUD_REFUSED: { disposition: 'retry', hint: 'Set "baud" to a rate that the adapter can do, such as 460800.' },
  SERIAL_NO_REPLY: {
    disposition: 'retry',
    hint: 'Check power, that TX and RX are crossed, ground is connected and this is the right port; or hold BOOT and press reset.',
  },
  SERIAL_NO_SYNC: {
    disposition: 'retry',
    hint: "Check the wire from the adapter's TX to the chip's RX: the chip waits for a download and hears nothing.",
  },
  SERIAL_WRONG_BOOT_MODE: {
    disposition: 'retry',
    hint: 'Hold the BOOT button while resetting, or check the line from DTR to the boot pin; the chip started from flash.',
  },
  SERIAL_NOT_RESET: {
    disposition: 'retry',
    hint: 'Check the line from RTS to EN (RST), or press reset with BOOT held; the chip kept running its application.',
  },
  SERIAL_CHIP_UNKNOWN: {
    disposition: 'permanent',
    hint: 'Check that the board carries a chip that dropflash supports; docs/protocols/esptool.md lists them.',
  },
  SERIAL_BOARD_CHANGED: {
    disposition: 'retry',
    hint: 'Leave the board in its fixture until it is done; another one answered in the middle of the work.',
  },
  SERIAL_NO_ANSWER: {
    disposition: 'retry',
    hint: 'Check cable and power; lower "baud" if it repeats. The chip stopped answering.',
  },
  SERIAL_LINE_NOISE: {
    disposition: 'retry',
    hint: 'Use a shorter cable or lower "baud"; bytes were damaged or lost between this machine and the chip.',
  },
  SERIAL_UNSUPPORTED: {
    disposition: 'permanent',
    hint: 'Set "stub: true", or choose another way; the loader on this chip cannot do that.',
  },
  SERIAL_CHIP_REFUSED: {
    disposition: 'retry',
    hint: 'Look up the status byte in docs/protocols/esptool.md; the chip refused a command.',
  },
  SERIAL_STUB_FAILED: {
    disposition: 'retry',
    hint: 'Try again, or set "stub: false" to work with the loader in ROM; the flasher stub did not start.',
  },
  SERIAL_NO_FLASH: {
    disposition: 'permanent',
    hint: 'Check the flash chip, its soldering, its voltage and the strapping pins (GPIO12 on an ESP32).',
  },
  SERIAL_FLASH_FAILED: {
    disposition: 'retry',
    hint: 'Check the power supply; if it repeats, the flash chip is worn, write-protected or badly soldered.',
  },
  SERIAL_VERIFY_FAILED: {
    disposition: 'retry',
    hint: 'Check the power supply; if it repeats, the flash chip is worn, write-protected or badly soldered.',
  },
  SERIAL_WRONG_REVISION: {
    disposition: 'permanent',
    hint: 'Build for this revision of the chip (ESP-IDF: minimum and maximum supported revision).',
  },
  SERIAL_SECURED: {
    disposition: 'permanent',
    hint: 'Set "allow-secure: true" only with images that are signed and encrypted for this very device.',
  },
  SERIAL_NO_PLACE: {
    disposition: 'permanent',
    hint: 'Give "offset", or flash the partition table (or a factory image) that has a place for this image.',
  },
  SERIAL_WRONG_PLACE: {
    disposition: 'permanent',
    hint: 'Set "offset: auto", or the offset at which this kind of image belongs.',
  },
  SERIAL_NO_SPACE: {
    disposition: 'permanent',
    hint: 'Use a smaller build, a partition table with a larger partition, or a board with more flash.',
  },
  SERIAL_OVERLAP: { disposition: 'permanent', hint: 'Give the images offsets that share no sector of 4096 bytes.' },

  // --- ESPAT: AT firmware of Espressif -----------------------------------------------------------------------------------
  ESPAT_NOT_AT: {
    disposition: 'permanent',
    hint: 'Use user1.bin and user2.bin of the AT release (both in one archive), or the ota image of ESP-AT.',
  },
  ESPAT_SLOT_UNKNOWN: {
    disposition: 'permanent',
    hint: 'Pack both halves of one release into an archive as user1.bin and user2.bin.',
  },
  ESPAT_MAP_UNKNOWN: {
    disposition: 'permanent',
    hint: 'Set "flash-map" in the rule to the one the modules were first flashed with (docs/protocols/espat-cloud.md).',
  },
  ESPAT_WRONG_MAP: {
    disposition: 'permanent',
    hint: 'Use the build for the flash map of the modules; another one does not start, and no update can change the map.',
  },
  ESPAT_TOO_LARGE: {
    disposition: 'permanent',
    hint: 'Use a smaller build, or flash once over a serial port with a flash map that has larger slots.',
  },
  ESPAT_NO_ANSWER: {
    disposition: 'retry',
    hint: 'Check power, TX and RX, and that the module runs AT firmware; set "baud" if its rate is an unusual one.',
  },
  ESPAT_NOT_STARTING: {
    disposition: 'permanent',
    hint: 'Flash the module over the serial port (protocol: serial, GPIO0 low at reset) with a full set of images.',
  },
  ESPAT_NOT_A_MODULE: {
    disposition: 'permanent',
    hint: 'Check the port: what is there answers AT and is no module with AT firmware of Espressif.',
  },
  ESPAT_OTHER_FIRMWARE: {
    disposition: 'permanent',
    hint: 'Use an image of the same line: AT 0.x and 1.x take user1 and user2, ESP-AT (2.x and later) takes its application.',
  },
  ESPAT_UNSUPPORTED: {
    disposition: 'permanent',
    hint: 'Choose another "way", or flash the module over the serial port (protocol: serial).',
  },
  ESPAT_REFUSED: {
    disposition: 'permanent',
    hint: 'Look up the command in the AT instruction set of this firmware; the module answers it with ERROR.',
  },
  ESPAT_SILENT: {
    disposition: 'retry',
    hint: 'Check power and wiring; restart the module if it stays so. Nothing was written to it.',
  },
  ESPAT_NOT_JOINED: {
    disposition: 'retry',
    hint: 'Set "ssid" and "password", or let the module join its network first.',
  },
  ESPAT_JOIN_FAILED: {
    disposition: 'retry',
    hint: 'Check the name of the network, its channel (2.4 GHz) and the radio signal.',
  },
  ESPAT_WRONG_PASSWORD: { disposition: 'permanent', hint: 'Correct "password"; the network refuses it.' },
  ESPAT_NO_SERVER: {
    disposition: 'retry',
    hint: 'Let iot.espressif.cn lead to this machine (DNS, or "dns"), and listen on port 80; see docs/protocols/espat-cloud.md.',
  },
  ESPAT_NO_VERSION: {
    disposition: 'retry',
    hint: 'Check which server the module reached, and that an image for it is offered there.',
  },
  ESPAT_NOT_OFFERED: {
    disposition: 'permanent',
    hint: 'Drop an archive with both user1 and user2; which one a module needs depends on the one it runs.',
  },
  ESPAT_DOWNLOAD_FAILED: {
    disposition: 'retry',
    hint: 'Check the radio signal and the flash map; the module gave up and runs its old firmware.',
  },
  ESPAT_NOT_TAKEN: {
    disposition: 'permanent',
    hint: 'Compare the version of the image with what the module says; its bootloader may have refused the new slot.',
  },
  ESPAT_BRICKED: {
    disposition: 'permanent',
    hint: 'Flash the module over the serial port (protocol: serial, GPIO0 low at reset) with a full set of images.',
  },
  ESPAT_RESULT_LOST: {
    disposition: 'uncertain',
    hint: 'Look what the module says to AT+GMR; restart it if it says nothing. It may run the new firmware.',
  },

  // --- DISCOVERY: finding devices ------------------------------------------------------------------------------------
  DISCOVERY_NO_INTERFACE: {
    disposition: 'retry',
    hint: 'Bring the network up, or correct "discovery.mdns.interface"; devices of the fixed list are served meanwhile.',
  },
  DISCOVERY_PORT_TAKEN: {
    disposition: 'retry',
    hint: 'Find the program that holds UDP port 5353 for itself (ss -lunp) and let it share the port, or set "mdns: false".',
  },
  DISCOVERY_LINK_FAILED: {
    disposition: 'retry',
    hint: 'Check the interface and the firewall (UDP 5353, group 224.0.0.251), or name another interface in the config.',
  },
  DISCOVERY_FLOOD: {
    disposition: 'retry',
    hint: 'Find the host that floods the network with mDNS (tcpdump udp port 5353).',
  },
  DISCOVERY_PORTS_FAILED: {
    disposition: 'retry',
    hint: 'Mount /sys (Linux, containers), or install udev; name the port in the command meanwhile.',
  },
  DISCOVERY_AMBIGUOUS: {
    disposition: 'permanent',
    hint: 'Make names unique, or tell the devices apart in "devices:" by mac; until then neither is updated on a guess.',
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
