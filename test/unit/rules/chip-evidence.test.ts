import { describe, expect, it } from 'vitest';
import { CHIPS, type Chip } from '../../../src/model/chip.ts';
import { chipOfBoard } from '../../../src/rules/boards.ts';
import { weighChipEvidence } from '../../../src/rules/chip-evidence.ts';
import { ESP32_FAMILY, givenDevice } from './given.ts';

describe('the chip of a board', () => {
  it.each<[string, Chip | null]>([
    ['generic', 'esp8266'],
    ['nodemcuv2', 'esp8266'],
    ['d1_mini', 'esp8266'],
    ['D1_MINI', 'esp8266'],
    ['esp12e', 'esp8266'],
    ['ESP8266_NODEMCU_ESP12E', 'esp8266'],
    ['PLATFORMIO_NODEMCUV2', 'esp8266'],
    ['esp32', 'esp32'],
    ['lolin32', 'esp32'],
    ['d1_mini32', 'esp32'],
    ['doitESP32devkitV1', 'esp32'],
    ['lolin_s2_mini', 'esp32s2'],
    ['esp32s3', 'esp32s3'],
    ['XIAO_ESP32C3', 'esp32c3'],
    ['esp32c6', 'esp32c6'],
    ['esp32p4', 'esp32p4'],
    ['RASPBERRY_PI_PICO_W', null],
    ['', null],
    ['constructor', null],
  ])('%s: %s', (board, chip) => {
    expect(chipOfBoard(board)).toBe(chip);
  });
});

describe('chip evidence', () => {
  const unheard = { board: null, port: null, name: 'kitchen' };

  it('is none where nothing tells', () => {
    expect(weighChipEvidence(givenDevice(unheard), null)).toEqual({ strength: 'none', possible: CHIPS, clues: [] });
  });

  it('takes a person at their word', () => {
    const evidence = weighChipEvidence(givenDevice({ ...unheard, chip: 'esp32c3' }), null);
    expect(evidence).toEqual({
      strength: 'certain',
      possible: ['esp32c3'],
      clues: ['the config says it is an esp32c3'],
    });
  });

  it('believes the board that the firmware announces', () => {
    expect(weighChipEvidence(givenDevice({ board: 'lolin32', port: 8266 }), null)).toMatchObject({
      strength: 'certain',
      possible: ['esp32'],
    });
  });

  it('learns nothing from a board that is not in the table', () => {
    expect(weighChipEvidence(givenDevice({ ...unheard, board: 'my-own-board' }), null).strength).toBe('none');
  });

  it.each([
    ['esp8266-a1b2c3', ['esp8266']],
    ['esp32-a1b2c3d4e5f6', ESP32_FAMILY],
  ])('reads the default name %s', (instance, possible) => {
    const device = givenDevice({ ...unheard, name: 'boiler', keys: ['mac:x', `mdns:arduino/${instance}`] });
    expect(weighChipEvidence(device, null)).toMatchObject({ strength: 'certain', possible });
  });

  it.each(['esp8266-kitchen', 'esp32-a1b2c3', 'my-esp8266-a1b2c3', 'esp32-a1b2c3d4e5f6-2'])(
    'learns nothing from the chosen name %s',
    (name) => {
      expect(weighChipEvidence(givenDevice({ ...unheard, name }), null).strength).toBe('none');
    },
  );

  it("learns nothing from a default-like name in the fixed list, which is a person's and not the device's", () => {
    const device = givenDevice({ ...unheard, name: 'esp8266-a1b2c3', keys: ['fixed:esp8266-a1b2c3'] });
    expect(weighChipEvidence(device, null).strength).toBe('none');
  });

  it.each([
    [8266, ['esp8266']],
    [3232, ESP32_FAMILY],
  ])('takes the port %i as a hint only', (port, possible) => {
    expect(weighChipEvidence(givenDevice({ ...unheard, port }), null)).toMatchObject({ strength: 'hinted', possible });
  });

  it('joins what several facts leave possible', () => {
    const device = givenDevice({ ...unheard, name: 'esp32-a1b2c3d4e5f6', chip: 'esp32s3' });
    expect(weighChipEvidence(device, null)).toMatchObject({ strength: 'certain', possible: ['esp32s3'] });
  });

  it('leaves nothing possible where facts contradict each other, and names both', () => {
    const evidence = weighChipEvidence(givenDevice({ board: 'd1_mini', chip: 'esp32' }), null);
    expect(evidence.possible).toEqual([]);
    expect(evidence.clues).toEqual(['the config says it is an esp32', 'its board "d1_mini" has an esp8266']);
  });

  it('remembers what the device came back with', () => {
    expect(weighChipEvidence(givenDevice(unheard), 'esp32s3')).toMatchObject({
      strength: 'certain',
      possible: ['esp32s3'],
    });
  });

  it('uses what it remembers to tell the chips of a family apart', () => {
    const device = givenDevice({ ...unheard, name: 'esp32-a1b2c3d4e5f6' });
    expect(weighChipEvidence(device, 'esp32s3').possible).toEqual(['esp32s3']);
  });

  it('prefers what the device says now to what it remembers: boards get exchanged', () => {
    expect(weighChipEvidence(givenDevice({ board: 'd1_mini' }), 'esp32').possible).toEqual(['esp8266']);
  });
});
