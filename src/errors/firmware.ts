import type { ErrorTable } from './entry.ts';

/** What is wrong with what was dropped, and with the folder that keeps it. */
export const FIRMWARE_ERRORS = {
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
    hint: 'Copy the image again together with its .sha256, or correct the sha256 that the release file asks of it.',
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

  // --- RELEASE: several images in one drop ---------------------------------------------------------------------------
  RELEASE_NOT_FOUND: { disposition: 'permanent', hint: 'Look for the id with "dropflash releases".' },
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

  // --- NVS: values for the flash of each board -----------------------------------------------------------------------
  NVS_BAD_TABLE: { disposition: 'permanent', hint: 'Correct the line of the CSV file that the message names.' },
  NVS_BAD_ENTRY: {
    disposition: 'permanent',
    hint: 'Correct the key or its value; keys have 15 bytes at most, and a value fits its type.',
  },
  NVS_FULL: {
    disposition: 'permanent',
    hint: 'Make the NVS partition larger in the partition table, or store less in it.',
  },

  // --- WASPMOTE: programs for Libelium's Waspmote --------------------------------------------------------------------
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
} as const satisfies ErrorTable;
