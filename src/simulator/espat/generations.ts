/** AT firmware as it was in the field, by what it says to AT+GMR. From the fact sheet on AT firmware, sections C.1 to C.6. */
export interface Generation {
  /** Lines of AT+GMR before an update. */
  readonly gmr: string;
  readonly family: 'old' | 'nonos' | 'esp-at';
  readonly baudRate: number;
  /** Whether AT+CWMODE takes effect only after AT+RST (0.17 and older). */
  readonly needsRestart: boolean;
  /** How it finds the version in the first answer. */
  readonly versionBy: 'five-characters' | 'quotes' | 'window';
  /** SDK 2.0 and later: HEAD first, then magic, slot and CRC are checked. The ones before take anything. */
  readonly checks: boolean;
  readonly hasCiupdate: boolean;
  readonly hasUserOta: boolean;
  readonly hasWebServer: boolean;
}

const OLD = {
  family: 'old',
  baudRate: 115_200,
  needsRestart: false,
  versionBy: 'five-characters',
  checks: false,
  hasCiupdate: true,
  hasUserOta: false,
  hasWebServer: false,
} as const;
const NONOS = { ...OLD, family: 'nonos', checks: true } as const;
const ESP_AT = { ...OLD, family: 'esp-at', versionBy: 'window', checks: true } as const;

/** The firmware that a module may come with. docs/protocols/espat-serial.md names the sources. */
export const GENERATIONS = {
  'at-0.17': { ...OLD, gmr: '00170901', baudRate: 9_600, needsRestart: true, hasCiupdate: false },
  'at-0.18': { ...OLD, gmr: '0018000902-AI03', baudRate: 9_600 },
  'at-0.20': { ...OLD, gmr: '00200.9.4' },
  'at-0.21': { ...OLD, gmr: 'AT version:0.21.0.0\r\nSDK version:0.9.5' },
  'at-1.5': {
    ...NONOS,
    gmr: 'AT version:1.5.0.0(Oct 24 2017 12:03:18)\r\nSDK version:2.1.0(ace2d95)\r\ncompile time:Oct 24 2017 15:48:02\r\nBin version(Wroom 02):1.5.1',
  },
  'at-1.7.6': { ...NONOS, gmr: 'AT version:1.7.6.0(Jan 24 2024 08:56:02)\r\nSDK version:3.0.6', versionBy: 'quotes' },
  'esp-at-2.1': {
    ...ESP_AT,
    gmr: 'AT version:2.1.0.0(883f7f2 - Jul 24 2020 11:50:07)\r\nSDK version:v4.0.1-193-ge7ac221\r\nBin version:2.1.0(WROOM-32)',
  },
  'esp-at-3.2': {
    ...ESP_AT,
    gmr: 'AT version:3.2.0.0(s-ec2dec2 - ESP32C3 - Jul 28 2023 07:05:28)\r\nSDK version:v5.0-541-g885e501d99-dirty\r\ncompile time(5f4b8a4d):Jul 28 2023 15:09:21\r\nBin version:v3.2.0.0(MINI-1)',
    hasUserOta: true,
    hasWebServer: true,
  },
} as const satisfies Record<string, Generation>;

/** Names a firmware that a module may come with. */
export type GenerationName = keyof typeof GENERATIONS;
