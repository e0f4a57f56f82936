/** The radio modules of a Waspmote that can fetch a program: WiFi PRO, 4G (Telit LE910), 3G (SIM5218), GPRS Pro (SIM900 and others). */
export const WASPMOTE_MODULES = ['wifi', '4g', '3g', 'gprs'] as const;
export type WaspmoteModule = (typeof WASPMOTE_MODULES)[number];
