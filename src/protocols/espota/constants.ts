/**
 * Numbers and words of the ArduinoOTA protocol. It has no written specification: the sources are the device side,
 * libraries/ArduinoOTA and the updater, of esp8266/Arduino (3.1.2) and espressif/arduino-esp32 (2.0.14 to 3.3).
 */

/** First number of a datagram. */
export const Command = {
  /** `U_FLASH`: the application. */
  FLASH: 0,
  /** `U_FS`, `U_SPIFFS`: a filesystem image, written in place. */
  FILESYSTEM: 100,
  /** `U_AUTH`: the answer to a challenge. */
  AUTH: 200,
} as const;

/** What an invitation may be for. */
export type UpdateCommand = typeof Command.FLASH | typeof Command.FILESYSTEM;

/** ArduinoOTA.cpp, `begin()` of each core. */
export const DEFAULT_PORT = { esp8266: 8266, esp32: 3232 } as const;

/** Hex digits of a challenge: which of the two logins the device speaks. */
export const NONCE_LENGTH = { md5: 32, sha256: 64 } as const;

/** arduino-esp32 3.3.1 and later, ArduinoOTA.cpp: rounds of PBKDF2-HMAC-SHA256. */
export const PBKDF2_ROUNDS = 10_000;
export const PBKDF2_BYTES = 32;

/** An ESP application image starts with this byte (esptool documentation, "Firmware Image Format"). */
export const IMAGE_MAGIC = 0xe9;
/** RFC 1952, section 2.3.1. An ESP8266 takes gzip images as they are. */
export const GZIP_MAGIC = [0x1f, 0x8b] as const;

/**
 * Pauses after each invitation. Never in bursts: a device that waits for a login takes any other datagram as its cancellation, and an
 * ESP32 queues up to six while its sketch is busy and answers each of them.
 */
export const FIRST_RESEND_PAUSE_MS = 3_000;
export const RESEND_PAUSE_MS = 5_000;
/** After a re-sent invitation several challenges may be on their way, and only the newest can be alive. */
export const NEWEST_NONCE_MS = 250;
/** Logins that a device leaves unanswered before the attempt ends. */
export const MAX_SILENT_LOGINS = 2;
/** Refused logins that may have been answers to a cancelled challenge, before they count as a wrong password. */
export const MAX_DOUBTFUL_LOGINS = 2;

/** The first bytes go in the device's own steps, so that an early refusal arrives as text and not as a reset. */
export const CAREFUL_CHUNK_BYTES = 1_460;
export const CAREFUL_BYTES = 8 * 1024;
export const BULK_CHUNK_BYTES = 8 * 1024;
/**
 * An ESP32 gives up after 1 s without data until it has written something, and after 4 s from then on: a silent device gets the
 * next chunk before that.
 */
export const PATIENCE_MS = 800;
/** But not more than this without any sign of life. */
export const UNANSWERED_LIMIT_BYTES = 64 * 1024;
/** Without its last byte no device takes an image. It leaves once everything before it is with the device, and the journal knows. */
export const HELD_BACK_BYTES = 1;
/** Counts cannot be read without doubt. A device that was silent for this long after its last one has read everything. */
export const QUIET_MS = 250;
/** Slower than this on average is no transfer. */
export const SLOWEST_BYTES_PER_SECOND = 1_024;
export const TRANSFER_GRACE_MS = 60_000;

/**
 * A refusal may come in pieces: it is whole when the device closes, or after a silence. Both cores end their texts with a line break; a piece that is
 * still on its way was lost once, and a Wi-Fi station sends it again within a second.
 */
export const LINE_QUIET_MS = 200;
export const WORDS_QUIET_MS = 1_000;
export const WORDS_WITHIN_MS = 3_000;
/** The longest text of either core has about 120 characters. */
export const WORDS_LIMIT = 1_024;

/** An ESP8266 needs about a second after a dead upload before it listens again. */
export const PAUSE_AFTER_FAILURE_MS = 2_000;
