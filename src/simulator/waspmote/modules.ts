/** The radio modules of a Waspmote that can fetch a program: WiFi PRO, 4G (Telit LE910), 3G (SIM5218), GPRS Pro (SIM900 and others). */
export const WASPMOTE_MODULES = ['wifi', '4g', '3g', 'gprs'] as const;
/** The four modules, each of which reads UPGRADE.TXT in its own way. */
export type WaspmoteModule = (typeof WASPMOTE_MODULES)[number];
