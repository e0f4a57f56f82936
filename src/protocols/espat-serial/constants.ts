/**
 * The AT dialog of Espressif's modules. Sources: espressif/ESP8266_AT (0.19, 0.20), espressif/ESP8266_NONOS_SDK (examples/at),
 * espressif/esp-at (docs/en/AT_Command_Set, components/at), and "ESP8266 AT Instruction Set".
 */

/** Rates to try, the likeliest first: AT 0.19 and later, modules sold with AT 0.9.2, the first ones, and what AT+UART can be set to. */
export const BAUD_RATES = [115_200, 9_600, 57_600, 74_880, 38_400, 19_200, 230_400, 460_800, 921_600] as const;

/** The ESP8266's ROM speaks at this rate with a 26 MHz crystal, and its bootloader with it. */
export const BOOT_BAUD_RATE = 74_880;

/** How long a rate is listened to for OK after AT; a module that runs answers within milliseconds. */
export const PROBE_MS = 300;
/** So many of {@link BAUD_RATES} are what a module has that nobody has set. */
export const LIKELY_RATES = 2;
/** How long these are listened to once more on a line without a sound. */
export const LATE_PROBE_MS = 1_000;
/** A watchdog starts a chip that does not come up again and again, within seconds. */
export const BOOT_LISTEN_MS = 1_500;
/** Between two tries of a command that was answered with `busy p...`. */
export const BUSY_PAUSE_MS = 500;

/** `+CWJAP:n`, the reason of a failed join (esp-at, "AT+CWJAP"). */
export const JOIN_FAILURES: Readonly<Record<number, string>> = {
  1: 'it took too long',
  2: 'the password is wrong',
  3: 'there is no such network',
  4: 'the network did not let it in',
};
/** Of these: no try can help. */
export const WRONG_PASSWORD = 2;

/** `+CIPUPDATE:n`: a step that is reached. */
export const Report = { NAME_FOUND: 1, CONNECTED: 2, VERSION_READ: 3, LOADING_OR_DONE: 4 } as const;

/** AT+WEBSERVER=<on>,<port>,<connection timeout in s> and what it reports of an upload (esp-at, "Web Server AT Commands"). */
export const WEB_TIMEOUT_S = 25;
