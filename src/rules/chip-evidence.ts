import { CHIPS, type Chip } from '../model/chip.ts';
import type { Device } from '../model/device.ts';
import { chipOfBoard } from './boards.ts';

/**
 * Which chips a device can have, and by what right.
 * - `certain`: a person, the firmware's own board name, or what the device already runs says so.
 * - `hinted`: only its port does, which any sketch may set.
 * - `none`: nothing does.
 */
export interface ChipEvidence {
  readonly strength: 'certain' | 'hinted' | 'none';
  /** Empty: the clues contradict each other. All chips: nothing is known. */
  readonly possible: readonly Chip[];
  /** What it rests on, each as a clause for a person: `its board "d1_mini" is an esp8266`. */
  readonly clues: readonly string[];
}

interface Clue {
  readonly possible: readonly Chip[];
  readonly says: string;
}

/** All that run ESP-IDF. Their bootloader refuses an image made for another chip (`esp_image_format`, chip_id); eboot does not look. */
export const ESP32_FAMILY: readonly Chip[] = CHIPS.filter((chip) => chip !== 'esp8266');

const ONLY = new Map<Chip, readonly Chip[]>(CHIPS.map((chip) => [chip, [chip]]));
const ESP8266_ONLY = only('esp8266');

/** ArduinoOTA.cpp, `begin`: the host name a sketch gets that does not set one. esp8266/Arduino; arduino-esp32, same for each chip. */
const DEFAULT_NAMES: readonly { readonly pattern: RegExp; readonly possible: readonly Chip[] }[] = [
  { pattern: /^esp8266-[0-9a-f]{6}$/i, possible: ESP8266_ONLY },
  { pattern: /^esp32-[0-9a-f]{12}$/i, possible: ESP32_FAMILY },
];

/** ArduinoOTA.cpp: the port a sketch gets that does not set one. Sketches are copied between the families with their `setPort`. */
const DEFAULT_PORTS: ReadonlyMap<number, readonly Chip[]> = new Map([
  [8266, ESP8266_ONLY],
  [3232, ESP32_FAMILY],
]);

/** `earlier`: the chip of an image that the device came back with, null where there was none. */
export function weighChipEvidence(device: Device, earlier: Chip | null): ChipEvidence {
  const clues = certainClues(device);
  if (clues.length > 0) return refine(join(clues), earlier);
  if (earlier !== null) return certain({ possible: only(earlier), says: earlierSays(earlier) });
  const hinted = device.port === null ? undefined : DEFAULT_PORTS.get(device.port);
  if (hinted === undefined) return { strength: 'none', possible: CHIPS, clues: [] };
  return {
    strength: 'hinted',
    possible: hinted,
    clues: [`its port ${device.port} is the default of ${chipsText(hinted)}`],
  };
}

/** `an esp8266`, `an ESP32-family chip`, `esp32 or esp32s3`. */
export function chipsText(chips: readonly Chip[]): string {
  if (chips.length === ESP32_FAMILY.length && !chips.includes('esp8266')) return 'an ESP32-family chip';
  return chips.length === 1 ? `an ${chips[0]}` : chips.join(' or ');
}

function certainClues(device: Device): Clue[] {
  const clues: Clue[] = [];
  const witness = device.serial === null || device.mac === null ? 'the config says' : 'the board says';
  if (device.chip !== null)
    clues.push({ possible: only(device.chip), says: `${witness} it is ${chipsText([device.chip])}` });
  const ofBoard = device.board === null ? null : chipOfBoard(device.board);
  if (ofBoard !== null)
    clues.push({
      possible: only(ofBoard),
      says: `its board ${JSON.stringify(device.board)} has ${chipsText([ofBoard])}`,
    });
  const ofName = defaultNameClue(device);
  if (ofName !== null) clues.push(ofName);
  return clues;
}

/** The instance name stands in the device's keys; `device.name` may be one that a person chose. */
function defaultNameClue(device: Device): Clue | null {
  for (const key of device.keys) {
    if (!key.startsWith('mdns:')) continue;
    const instance = key.slice(key.indexOf('/') + 1);
    const known = DEFAULT_NAMES.find(({ pattern }) => pattern.test(instance));
    if (known !== undefined)
      return {
        possible: known.possible,
        says: `its name "${instance}" is the default of ${chipsText(known.possible)}`,
      };
  }
  return null;
}

function join(clues: readonly Clue[]): ChipEvidence {
  const [first, ...rest] = clues;
  const possible = rest.reduce(
    (left, clue) => left.filter((chip) => clue.possible.includes(chip)),
    first?.possible ?? CHIPS,
  );
  return { strength: 'certain', possible, clues: clues.map(({ says }) => says) };
}

/** What it ran earlier tells which chip of a family it is; it never speaks against what the device says of itself now. */
function refine(evidence: ChipEvidence, earlier: Chip | null): ChipEvidence {
  if (earlier === null || evidence.possible.length < 2 || !evidence.possible.includes(earlier)) return evidence;
  return { strength: 'certain', possible: only(earlier), clues: [...evidence.clues, earlierSays(earlier)] };
}

function certain(clue: Clue): ChipEvidence {
  return { strength: 'certain', possible: clue.possible, clues: [clue.says] };
}

function earlierSays(chip: Chip): string {
  return `it came back with an image for ${chipsText([chip])} earlier`;
}

function only(chip: Chip): readonly Chip[] {
  return ONLY.get(chip) ?? [chip];
}
