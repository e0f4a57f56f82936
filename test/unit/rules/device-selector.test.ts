import { describe, expect, it } from 'vitest';
import type { Device } from '../../../src/model/device.ts';
import type { DeviceSelector } from '../../../src/model/rule.ts';
import { acceptsDevice, compileDeviceSelector } from '../../../src/rules/device-selector.ts';
import { Subject } from '../../../src/rules/subject.ts';
import { givenDevice, givenRule } from './given.ts';

function ask(selector: Partial<DeviceSelector>, device: Partial<Device> = {}) {
  const checks = compileDeviceSelector(givenRule({ devices: selector }).devices);
  const subject = new Subject(givenDevice(device), () => null);
  return {
    accepted: acceptsDevice(checks, subject),
    misses: checks.filter((check) => !check.test(subject)).map((check) => check.miss(subject)),
  };
}

const PORT: Device['serial'] = {
  path: '/dev/ttyUSB0',
  usb: { vendorId: 0x10c4, productId: 0xea60, serialNumber: 'FT0ABC', location: '1-1.4' },
};
const LISTED: Partial<Device> = {
  tags: ['attic', 'test'],
  mac: 'aa:bb:cc:01:02:03',
  services: ['arduino', 'http'],
  serial: PORT,
};

describe('a device selector', () => {
  it.each<[Partial<DeviceSelector>]>([
    [{}],
    [{ name: 'SENSOR-*' }],
    [{ board: 'D1_*' }],
    [{ service: 'HTTP' }],
    [{ address: ['10.1.0.0/16', '10.0.7.0/24'] }],
    [{ mac: 'AA:BB:CC:*' }],
    [{ mac: 'aa-bb-cc-*' }],
    [{ chip: 'esp8266' }],
    [{ tags: ['attic'] }],
    [{ tags: ['test', 'attic'] }],
    [{ tags: [] }],
    [{ port: 8266 }],
    [{ name: 'sensor-?', board: 'd1_mini', port: 8266 }],
    [{ usb: '10c4:EA60' }],
    [{ usb: '10c4:*' }],
    [{ usb: 'FT0A*' }],
    [{ usb: 'usb:1-1.*' }],
    [{ usb: '1-1.4' }],
  ])('%j accepts', (selector) => {
    expect(ask(selector, LISTED)).toEqual({ accepted: true, misses: [] });
  });

  it.each<[Partial<DeviceSelector>, Partial<Device>, string]>([
    [{ name: 'plug-*' }, {}, 'name "sensor-1" does not match "plug-*"'],
    [{ board: 'esp32*' }, {}, 'board "d1_mini" does not match "esp32*"'],
    [{ board: '*' }, { board: null }, 'its board is not known'],
    [{ service: 'esphomelib' }, {}, 'service "arduino, http" does not match "esphomelib"'],
    [{ service: '*' }, { services: [] }, 'its service is not known'],
    [{ address: ['10.1.0.0/16', '10.2.0.0/16'] }, {}, 'address 10.0.7.31 is not in 10.1.0.0/16, 10.2.0.0/16'],
    [{ address: ['0.0.0.0/0'] }, { address: null }, 'its address is not known'],
    [{ mac: '11:*' }, {}, 'mac "aa:bb:cc:01:02:03" does not match "11:*"'],
    [{ mac: '*' }, { mac: null }, 'its mac is not known'],
    [{ tags: ['attic', 'cellar'] }, {}, 'it has no tag "cellar"'],
    [{ usb: '1a86:*' }, {}, 'USB port "10c4:ea60, ft0abc, 1-1.4" does not match "1a86:*"'],
    [{ usb: '*' }, { serial: { path: 'COM1', usb: null } }, 'its USB port is not known'],
    [{ usb: '*' }, { serial: null }, 'its USB port is not known'],
    [{ port: 3232 }, {}, 'port 8266 is not 3232'],
    [{ port: 3232 }, { port: null }, 'its port is not known'],
    [{ chip: 'esp32' }, {}, 'chip is esp8266, not esp32 for certain'],
    [{ chip: 'esp8266' }, { board: null }, 'chip is an esp8266 by a hint only, not esp8266 for certain'],
    [{ chip: 'esp8266' }, { board: null, port: null }, 'chip is not known, not esp8266 for certain'],
    [
      { chip: 'esp8266' },
      { chip: 'esp32', serial: null },
      'chip is in dispute (the config says it is an esp32; its board',
    ],
    [
      { chip: 'esp32' },
      { board: null, keys: ['mdns:arduino/esp32-a1b2c3d4e5f6'] },
      'chip is an ESP32-family chip, not esp32 for certain',
    ],
  ])('%j does not accept %j', (selector, device, reason) => {
    const { accepted, misses } = ask(selector, { ...LISTED, ...device });
    expect(accepted).toBe(false);
    expect(misses).toEqual([expect.stringContaining(reason)]);
  });

  it('wants every field to hold', () => {
    expect(ask({ name: 'plug-*', port: 3232, tags: ['cellar'] }).misses).toHaveLength(3);
  });
});
