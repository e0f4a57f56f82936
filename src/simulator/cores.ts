/**
 * The device-side ArduinoOTA code a simulated device behaves like: esp8266/Arduino 3.1.2; arduino-esp32 up to 3.3.0 (MD5
 * login); arduino-esp32 from 3.3.1 (SHA-256 login).
 */
export const CORES = ['esp8266', 'esp32-md5', 'esp32-sha256'] as const;
/** The three kinds of ArduinoOTA that differ on the wire. */
export type Core = (typeof CORES)[number];

/** How long things take on a device, in milliseconds. */
export interface Timings {
  /** One turn of the sketch's `loop()`; a blocked sketch is a long one. */
  readonly loopMs: number;
  /** Pause after a UDP reply to an invitation, before the dial-back or the next invitation (ESP8266). */
  readonly afterReplyMs: number;
  /** PBKDF2 in software, before the answer to a SHA-256 login. An estimate. */
  readonly pbkdf2Ms: number;
  readonly connectTimeoutMs: number;
  /** How long one wait for input lasts. The ESP32 gives up after it, the ESP8266 just waits again. */
  readonly receiveTimeoutMs: number;
  /** Between the last count and `OK` (ESP8266). */
  readonly beforeOkMs: number;
  /** Between `OK` and the close (ESP8266). */
  readonly afterOkMs: number;
  readonly beforeRestartMs: number;
  /** Off the network: restart, copy of the staged image, Wi-Fi, DHCP. */
  readonly bootMs: number;
  /** Erase and write of one 4096-byte sector. */
  readonly sectorMs: number;
  /** Between the three probes for its own names, before the first announcement (RFC 6762, section 8.1); 0: none are sent. */
  readonly probeEveryMs: number;
  readonly announceEveryMs: number;
}

/** What differs between the cores. */
export interface CoreFacts {
  readonly chip: 'esp8266' | 'esp32';
  readonly otaPort: number;
  readonly board: string;
  readonly login: 'md5' | 'sha256';
  /** Largest application image: 4 MiB flash with 2 MiB filesystem on the ESP8266, the default partition table on the ESP32. */
  readonly appSpaceBytes: number;
  readonly filesystemSpaceBytes: number;
  /** TCP receive window: lwIP "lower memory" with MSS 536 on the ESP8266, 4 × MSS 1436 on the ESP32. */
  readonly windowBytes: number;
  /** How often, once a second, a device announces itself after its start, and how long its SRV record lives. */
  readonly announcements: number;
  readonly srvTtlSeconds: number;
  readonly timings: Timings;
}

const ESP8266_TIMINGS: Timings = {
  loopMs: 1,
  afterReplyMs: 100,
  pbkdf2Ms: 0,
  connectTimeoutMs: 5000,
  receiveTimeoutMs: 1000,
  beforeOkMs: 1000,
  afterOkMs: 1000,
  beforeRestartMs: 100,
  bootMs: 3000,
  sectorMs: 50,
  probeEveryMs: 250,
  announceEveryMs: 1000,
};

const ESP32_TIMINGS: Timings = {
  loopMs: 1,
  afterReplyMs: 0,
  pbkdf2Ms: 0,
  connectTimeoutMs: 3000,
  receiveTimeoutMs: 1000,
  beforeOkMs: 0,
  afterOkMs: 0,
  beforeRestartMs: 110,
  bootMs: 2000,
  sectorMs: 20,
  probeEveryMs: 250,
  announceEveryMs: 1000,
};

const ESP32: Omit<CoreFacts, 'login' | 'timings'> = {
  chip: 'esp32',
  otaPort: 3232,
  board: 'esp32',
  appSpaceBytes: 0x140000,
  filesystemSpaceBytes: 0x160000,
  windowBytes: 5744,
  announcements: 3,
  srvTtlSeconds: 120,
};

/** ArduinoOTA.cpp, Updater.cpp, lwipopts.h and the mDNS responders of the two cores (LEAmDNS; espressif/esp-protocols, mdns). */
export const CORE_FACTS: Readonly<Record<Core, CoreFacts>> = {
  esp8266: {
    chip: 'esp8266',
    otaPort: 8266,
    board: 'generic',
    login: 'md5',
    appSpaceBytes: 1_044_464,
    filesystemSpaceBytes: 0x1fa000,
    windowBytes: 2144,
    announcements: 8,
    srvTtlSeconds: 4500,
    timings: ESP8266_TIMINGS,
  },
  'esp32-md5': { ...ESP32, login: 'md5', timings: ESP32_TIMINGS },
  'esp32-sha256': { ...ESP32, login: 'sha256', timings: { ...ESP32_TIMINGS, pbkdf2Ms: 800 } },
};

/**
 * For tests and demonstrations: everything short that is only waiting on a real device. The time-outs stay as they are, so
 * that a busy machine does not trip them.
 */
export const BRISK: Partial<Timings> = {
  afterReplyMs: 5,
  pbkdf2Ms: 0,
  beforeOkMs: 50,
  afterOkMs: 20,
  beforeRestartMs: 5,
  bootMs: 50,
  sectorMs: 0,
  probeEveryMs: 20,
  // Not shorter: announcements of one start count as a burst only when they lie some way apart.
  announceEveryMs: 250,
};
