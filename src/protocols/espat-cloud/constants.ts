/**
 * The "cloud update" of Espressif's AT firmware. It has no written specification; the sources are espressif/ESP8266_AT (0.19, 0.20),
 * espressif/ESP8266_NONOS_SDK (examples/at/user/at_esp_upgrade.c, at_upgrade.c, libupgrade.a) and espressif/esp-at
 * (components/at/src/at_ota_cmd.c).
 */

/** Compiled into the modules, with port 80 (`AT_OTA_SERVER`). */
export const SERVER_NAME = 'iot.espressif.cn';
export const SERVER_PORT = 80;

/** The path of both questions; what is asked stands in the query. */
export const ROM_PATH = '/v1/device/rom/';

/** The longest request of a module is 500 bytes; ESP-AT builds it in a buffer of 1,024. */
export const LONGEST_REQUEST = 2_048;

/** How a file is asked for by name (at_upgrade.c; at_ota_cmd.c). */
export const FILE_NAMES = ['user1.bin', 'user2.bin', 'ota.bin'] as const;
/** The two halves of the ESP8266, and the one image of ESP-AT. */
export type FileName = (typeof FILE_NAMES)[number];

/** A request is one segment; a module that is slower than this has gone. */
export const REQUEST_WITHIN_MS = 10_000;
/** A module erases a sector before it takes the next segment; it asks again after 60 s at the latest (`check_times`). */
export const STALL_AFTER_MS = 60_000;
/** What a module is given for the whole image; its own limit is 180 s (`upgrade_server_info.check_times`). */
export const DOWNLOAD_WITHIN_MS = 900_000;
/** How long a module may take to hang up after the last byte. */
export const HANG_UP_WITHIN_MS = 30_000;

/** The SDK takes the CRC from the last four bytes of the last segment that arrives. */
export const CRC_BYTES = 4;
/** What travels in one segment: lwIP's small and large TCP_MSS, and what is left of an Ethernet frame with options, PPPoE or a tunnel. */
export const SEGMENT_SIZES = [536, 1_360, 1_400, 1_412, 1_440, 1_452, 1_460] as const;
