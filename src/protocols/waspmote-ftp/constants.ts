/**
 * Sources: Libelium/waspmoteapi (API v048): libraries/Wasp4G, _3G, GPRS_Pro and WIFI_PRO, function requestOTA of each, and
 * waspmote-api/WaspUtils.cpp (loadOTA, checkNewProgram).
 */

/** What a module asks for first; in upper case on every module. */
export const UPGRADE_FILE = 'UPGRADE.TXT';

/** The folder that the GPRS Pro module asks in, and no other. */
export const GPRS_FOLDER = '.gprs';

/** Stands in FILE where there is nothing to do. */
export const NO_FILE = 'NO_FILE';

/** loadOTA writes exactly so many characters to the EEPROM, and the boot loader opens the file of that name on the SD card. */
export const NAME_LENGTH = 7;

/** VERSION is kept in one byte of the EEPROM. */
export const LAST_VERSION = 255;

/** GPRS Pro compares VERSION as a signed byte: above this none is ever newer. */
export const LAST_GPRS_VERSION = 127;

/** SIZE of UPGRADE.TXT has so many digits at most. */
export const SIZE_DIGITS = 9;

/** ATmega1281: 128 KiB of flash, less the boot loader. */
export const FLASH_BYTES = 122_880;

/** What a Meshlium has from the factory. */
export const MESHLIUM = { user: 'ota', password: 'libelium', port: 21 } as const;
