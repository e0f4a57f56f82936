/** What a module prints that does not get as far as AT, and what that means. The most telling comes first. */
const SIGNS: readonly (readonly [sign: RegExp, meaning: string])[] = [
  [/backup boot failed/i, 'its bootloader finds no firmware in either slot'],
  [/error magic!/i, 'its bootloader finds no firmware in the slot, as after an image for another flash map'],
  [/csum err/i, 'the checksum of the firmware in its flash is wrong'],
  [/Fatal exception[^\r\n]*/i, 'its firmware crashes as it starts'],
  [/invalid header/i, 'there is no firmware in its flash'],
  [/ets Jan {2}8 2013[\s\S]*ets Jan {2}8 2013/, 'it starts over and over'],
];

/** Why a module does not come up, by its own words; null: they do not tell. Pure. */
export function readBootTrouble(text: string): string | null {
  return SIGNS.find(([sign]) => sign.test(text))?.[1] ?? null;
}
