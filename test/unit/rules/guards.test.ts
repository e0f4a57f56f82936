import { describe, expect, it } from 'vitest';
import type { Device } from '../../../src/model/device.ts';
import type { Dossier, ImageFormat, ImageKind } from '../../../src/model/image.ts';
import { GUARD_OVERRIDES, type GuardOverride, type UpdateSettings } from '../../../src/model/rule.ts';
import type { PlanContext } from '../../../src/rules/context.ts';
import { askGuards } from '../../../src/rules/guards.ts';
import { Subject } from '../../../src/rules/subject.ts';
import { ESP32_FAMILY, givenContext, givenDevice, givenImage, givenRule } from './given.ts';

interface Given {
  readonly image?: Partial<Dossier>;
  readonly device?: Partial<Device>;
  readonly allow?: readonly GuardOverride[];
  readonly update?: UpdateSettings;
  readonly context?: Partial<PlanContext>;
}

function ask({ image, device, allow = [], update, context: known }: Given) {
  const context = givenContext(known);
  return askGuards({
    rule: givenRule({ allow, ...(update === undefined ? {} : { update }) }),
    firmwareMiss: () => null,
    direction: 'forward',
    image: givenImage(image),
    subject: new Subject(givenDevice(device), context.knownChip),
    context,
  });
}

function codeOf(given: Given): string | null {
  return ask(given).refusal?.code ?? null;
}

const SILENT: Partial<Device> = { board: null, port: 40_000, name: 'kitchen', keys: ['fixed:kitchen'] };
const EVERY_OVERRIDE = GUARD_OVERRIDES;

describe('the guards', () => {
  it('let an application go to a device of its chip', () => {
    expect(ask({})).toEqual({ refusal: null, overridden: [], first: null });
  });

  describe('what goes over the air', () => {
    it.each<ImageKind>(['merged', 'bootloader', 'partition-table', 'otadata', 'package', 'data'])(
      'never a %s image',
      (kind) => {
        expect(codeOf({ image: { kind }, allow: EVERY_OVERRIDE })).toBe('RULE_NOT_OTA');
      },
    );

    it.each<ImageFormat>(['esp8266-v1', 'esp8266-v2', 'esp8266-v3'])(
      'no ESP8266 application of format %s',
      (format) => {
        expect(codeOf({ image: { format }, allow: EVERY_OVERRIDE })).toBe('RULE_NOT_OTA');
      },
    );

    it('a filesystem, of which no chip is known', () => {
      expect(codeOf({ image: { kind: 'filesystem', chip: null }, device: SILENT })).toBeNull();
    });

    it('gzip to an esp8266 only', () => {
      expect(codeOf({ image: { container: 'gzip' } })).toBeNull();
      expect(
        codeOf({
          image: { container: 'gzip', chip: 'esp32', format: 'esp32' },
          device: { board: 'esp32' },
          allow: EVERY_OVERRIDE,
        }),
      ).toBe('RULE_NOT_OTA');
    });

    it('no compressed filesystem', () => {
      expect(codeOf({ image: { container: 'gzip', kind: 'filesystem', chip: null } })).toBe('RULE_NOT_OTA');
    });
  });

  describe('the wrong-board guard', () => {
    it('refuses an image for another chip, and names both facts', () => {
      const { refusal } = ask({ image: { chip: 'esp32' } });
      expect(refusal).toEqual({
        code: 'RULE_WRONG_CHIP',
        reason: 'the image is for an esp32, but its board "d1_mini" has an esp8266',
      });
    });

    it('refuses an ESP32 image for another chip of the family', () => {
      expect(codeOf({ image: { chip: 'esp32s3' }, device: { board: 'esp32' } })).toBe('RULE_WRONG_CHIP');
    });

    it('refuses where the facts contradict each other, whatever the image', () => {
      for (const chip of ['esp8266', 'esp32'] as const)
        expect(ask({ image: { chip }, device: { chip: 'esp32', board: 'd1_mini' } }).refusal).toEqual({
          code: 'RULE_WRONG_CHIP',
          reason:
            'what is known of the device contradicts itself: the config says it is an esp32; its board "d1_mini" has an esp8266',
        });
    });

    it('refuses where nothing tells the chip, and says what helps', () => {
      const { refusal } = ask({ device: SILENT });
      expect(refusal?.code).toBe('RULE_CHIP_UNKNOWN');
      expect(refusal?.reason).toMatch(/nothing tells which chip.*"chip:".*"devices:".*"allow: \[chip-unknown\]"/);
    });

    it('names the board that it does not know', () => {
      expect(ask({ device: { ...SILENT, board: 'my-board' } }).refusal?.reason).toContain(
        '"my-board" is not in the table',
      );
    });

    it('refuses on a hint alone', () => {
      expect(codeOf({ device: { ...SILENT, port: 8266 } })).toBe('RULE_CHIP_UNKNOWN');
    });

    it('takes a hint against the image more seriously than none: chip-unknown does not override it', () => {
      const given: Given = { image: { chip: 'esp32' }, device: { ...SILENT, port: 8266 }, allow: ['chip-unknown'] };
      expect(codeOf(given)).toBe('RULE_WRONG_CHIP');
      expect(codeOf({ ...given, allow: ['chip-mismatch'] })).toBeNull();
    });

    it.each(ESP32_FAMILY)('lets %s go to a device of its family: the bootloader there checks the rest', (chip) => {
      expect(codeOf({ image: { chip }, device: { ...SILENT, keys: ['mdns:arduino/esp32-a1b2c3d4e5f6'] } })).toBeNull();
    });

    it('refuses an ESP32 image for what may be an esp8266', () => {
      for (const chip of ESP32_FAMILY) expect(codeOf({ image: { chip }, device: SILENT })).toBe('RULE_CHIP_UNKNOWN');
    });

    it('lets a device have what it came back with before', () => {
      expect(codeOf({ device: SILENT, context: { knownChip: () => 'esp8266' } })).toBeNull();
      expect(codeOf({ device: SILENT, context: { knownChip: () => 'esp32' } })).toBe('RULE_WRONG_CHIP');
    });

    it.each<[GuardOverride, Partial<Device>, string]>([
      ['chip-mismatch', { board: 'esp32' }, 'RULE_WRONG_CHIP'],
      ['chip-unknown', SILENT, 'RULE_CHIP_UNKNOWN'],
    ])('is overridden by %s alone, which is told', (override, device, code) => {
      expect(ask({ device, allow: [override] })).toEqual({
        refusal: null,
        overridden: [expect.objectContaining({ code })],
        first: null,
      });
      const others = EVERY_OVERRIDE.filter((other) => other !== override);
      expect(codeOf({ device, allow: others })).toBe(code);
    });

    it('tells what it overrode when another guard refuses', () => {
      const { refusal, overridden } = ask({ device: { ...SILENT, address: null }, allow: ['chip-unknown'] });
      expect(refusal?.code).toBe('RULE_NO_ADDRESS');
      expect(overridden).toHaveLength(1);
    });
  });

  describe('the rest', () => {
    it('leaves a device alone that has the image', () => {
      const currentImage: PlanContext['currentImage'] = (_device, kind) => (kind === 'app' ? 'ab'.repeat(32) : null);
      expect(codeOf({ context: { currentImage } })).toBe('RULE_ALREADY_CURRENT');
      expect(codeOf({ context: { currentImage }, image: { kind: 'filesystem', chip: null } })).toBeNull();
      expect(codeOf({ context: { currentImage: () => 'cd'.repeat(32) } })).toBeNull();
    });

    it('leaves it to the loader on a port what chip there is, unless somebody said it', () => {
      const serial = { path: '/dev/ttyUSB0', usb: null };
      const update = { protocol: 'serial', retries: 0, options: {} };
      const port = { serial, address: null, port: null, board: null, mac: null };
      expect(codeOf({ device: port, update })).toBeNull();
      expect(codeOf({ device: port, update, image: { kind: 'merged', chip: 'esp32' } })).toBeNull();
      expect(codeOf({ device: { ...port, chip: 'esp32' }, update })).toBe('RULE_WRONG_CHIP');
    });

    it('needs an address', () => {
      expect(codeOf({ device: { address: null } })).toBe('RULE_NO_ADDRESS');
    });

    it('needs a port, or one that the protocol assumes for the chip', () => {
      const defaultPort: PlanContext['defaultPort'] = (_protocol, chip) => (chip === 'esp8266' ? 8266 : 3232);
      expect(codeOf({ device: { port: null } })).toBe('RULE_NO_ADDRESS');
      expect(codeOf({ device: { port: null }, context: { defaultPort } })).toBeNull();
      const unknown: Given = { device: { ...SILENT, port: null }, allow: ['chip-unknown'], context: { defaultPort } };
      expect(codeOf(unknown)).toBe('RULE_NO_ADDRESS');
    });

    it('asks the protocol', () => {
      const accepts: PlanContext['accepts'] = (protocol) => ({ accepted: false, reason: `${protocol} cannot` });
      expect(ask({ context: { accepts } }).refusal).toEqual({
        code: 'RULE_PROTOCOL_REFUSES',
        reason: 'espota: espota cannot',
      });
    });

    it('minds the protocol of the fixed list', () => {
      expect(codeOf({ device: { protocol: 'espota' } })).toBeNull();
      expect(ask({ device: { protocol: 'esptool' } }).refusal).toEqual({
        code: 'RULE_PROTOCOL_REFUSES',
        reason: 'the config says it speaks esptool, the rule espota',
      });
    });
  });
});
