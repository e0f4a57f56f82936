/**
 * Numbers and words of the servers in Pycom's firmware. They have no written specification: the sources are pycom-micropython-sigfox
 * (esp32/ftp/ftp.c, ftp/updater.c, telnet/telnet.c, serverstask.h, bootloader/, tools/) and, for the WiPy 1, micropython, ports/cc3200.
 */

/** serverstask.h: what a device has until its user changes it, for both servers. */
export const DEFAULT_LOGIN = { user: 'micro', password: 'python' } as const;
/** serverstask.h, SERVERS_USER_PASS_LEN_MAX. */
export const LONGEST_CREDENTIAL = 32;

/** ftp.c, FTP_CMD_PORT. */
export const FTP_PORT = 21;
/** telnet.c, TELNET_PORT. */
export const TELNET_PORT = 23;
/** ftp.c, the greeting. */
export const GREETING_WORDS = 'Micropython FTP Server';

/** updater.c, UPDATER_IMG_PATH of each port: written under any other path the image is a file like others. */
export const IMAGE_PATH = { esp32: '/flash/sys/appimg.bin', cc3200: '/flash/sys/mcuimg.bin' } as const;

const KIB = 1024;
/** esp32/bootloader and the partition tables: the size of both slots, by generation and flash. */
export const SLOT_BYTES = {
  /** Until 1.18.2, whatever the flash. */
  old: 1536 * KIB,
  '4MB': 1720 * KIB,
  '8MB': 1980 * KIB,
} as const;
/** micropython, ports/cc3200/bootmgr/flc.h, IMG_SIZE. */
export const CC3200_SLOT_BYTES = 192 * KIB;
/** The last firmware that checks the MD5 at the end of an image, and the last with the first partition table. */
export const LAST_WITH_MD5_TAIL = [1, 17, 1] as const;
export const LAST_WITH_OLD_SLOTS = [1, 18, 2] as const;
/**
 * Modules that have 8 MB of flash in every revision; the others came with 4 MB first. The firmware goes by the revision of the chip, which
 * no greeting tells; the vendor's own build goes by these names and these sizes (esp32/tools/size_check.sh).
 */
export const ALWAYS_8MB: readonly string[] = ['LoPy4', 'GPy', 'FiPy'];

/** FTP reply codes (RFC 959, section 4.2) that the device uses. */
export const Reply = {
  DATA_FOLLOWS: 150,
  OK: 200,
  GREETING: 220,
  CLOSING: 221,
  DONE: 226,
  PASSIVE: 227,
  LOGGED_IN: 230,
  NEED_PASSWORD: 331,
  NOT_LOGGED_IN: 332,
  DATA_TIMED_OUT: 426,
  WRITE_FAILED: 451,
  WRONG_LOGIN: 530,
  NOT_DONE: 550,
} as const;

/** Longest wait for a TCP connection, milliseconds. */
export const CONNECT_WITHIN_MS = 10_000;
/** ftp.c, FTP_DATA_TIMEOUT_MS: the data port closes 10 s after PASV; until then no command is heard. */
export const DATA_CONNECT_WITHIN_MS = 8_000;
/** Longest wait for the reply to a command. Erasing the slot's first sectors, which STOR does, is part of it. */
export const REPLY_WITHIN_MS = 15_000;
/** More than this in one reply line is not this server. */
export const LONGEST_REPLY_BYTES = 1024;

/** The image leaves in steps like this; more would only fill this machine's own buffers. */
export const CHUNK_BYTES = 4 * KIB;
/** Where this much waits in this process, the device is behind. */
export const UNSENT_LIMIT_BYTES = 16 * KIB;
/** How often a full buffer is looked at, milliseconds. */
export const LOOK_MS = 20;
/** The end of the data connection completes the image. Its last byte is held back until nothing speaks against it. */
export const HELD_BACK_BYTES = 1;
/** How long the device gets to say so once all other bytes have left, milliseconds. */
export const QUIET_MS = 250;
/** How long it gets to name the reason where it ends the data connection first. */
export const WORDS_WITHIN_MS = 1_000;
/** As slow as a device may be: 1.5 MB in 3 minutes, where its flash takes long to erase. */
export const SLOWEST_BYTES_PER_SECOND = 8 * KIB;
/** After its 226 the device closes its side as well. */
export const DATA_END_WITHIN_MS = 5_000;

/** telnet.c: a server that has just lost a client opens its port anew; another client may hold it closed. */
export const REFUSED_PAUSE_MS = 500;
/** Longest wait for a prompt of the login. */
export const PROMPT_WITHIN_MS = 10_000;
/** telnet.c throws away what arrives between `Password: ` and the options behind it: those are waited for, but not for ever. */
export const PASSWORD_OPTIONS_WITHIN_MS = 1_000;
/** An idle interpreter prompts at once after the login; one that runs a script does not. */
export const FIRST_PROMPT_WITHIN_MS = 1_000;
/** How often Ctrl-C is sent, since a script may catch some, and how long an answer to each is waited for. */
export const INTERRUPTS = 4;
export const INTERRUPT_WITHIN_MS = 3_000;
/** A device that has not stopped by then has not been reset. */
export const RESET_WITHIN_MS = 1_500;

/** After PASV without a connection the device hears nothing for 10 s. */
export const PAUSE_AFTER_FAILURE_MS = 11_000;

/**
 * bootloader/: which image runs is settled at the start, before the first greeting. Another one would greet only after one more restart, and
 * this many milliseconds of the same greeting speak against one.
 */
export const SETTLED_AFTER_MS = 5_000;
