import type { UsbFacts } from '../model/device.ts';
import { type DeviceSelector, PORT_PROTOCOL, type Rule } from '../model/rule.ts';
import { compileRanges } from './address.ts';
import { chipsText } from './chip-evidence.ts';
import { compileGlob } from './glob.ts';
import type { Subject } from './subject.ts';

/** One field of a `devices:` selector, compiled. */
export interface DeviceCheck {
  test(subject: Subject): boolean;
  /** Why `test` said no, with the values. */
  miss(subject: Subject): string;
}

/** The checks of a selector, cheapest first. A selector without fields accepts every device. */
export function compileDeviceSelector(selector: DeviceSelector): readonly DeviceCheck[] {
  const { port, chip, tags, board, service, mac, name, address, usb } = selector;
  return [
    ...(port === null ? [] : [portCheck(port)]),
    ...(tags ?? []).map(tagCheck),
    ...(board === null ? [] : [boardCheck(board)]),
    ...(service === null ? [] : [serviceCheck(service)]),
    ...(mac === null ? [] : [macCheck(mac)]),
    ...(usb === null ? [] : [usbCheck(usb)]),
    ...(name === null ? [] : [nameCheck(name)]),
    ...(chip === null ? [] : [chipCheck(chip)]),
    ...(address === null ? [] : [addressCheck(address)]),
  ];
}

/**
 * Boards on ports are for the rules with the protocol for them, devices on the network for the others. Those that fetch by themselves are
 * nobody's.
 */
export function mediumCheck({ update: { protocol }, when }: Pick<Rule, 'update' | 'when'>): DeviceCheck {
  const isForPorts = protocol === PORT_PROTOCOL;
  if (when.kind === 'visit') return { test: () => false, miss: () => 'its devices fetch by themselves' };
  return {
    test: ({ device }) => (device.serial !== null) === isForPorts,
    miss: () =>
      isForPorts ? 'it is not on a serial port' : `it is on a serial port, and ${protocol} is not for ports`,
  };
}

/** Whether a device has all that a selector asks for. */
export function acceptsDevice(checks: readonly DeviceCheck[], subject: Subject): boolean {
  for (const check of checks) if (!check.test(subject)) return false;
  return true;
}

function portCheck(port: number): DeviceCheck {
  return {
    test: ({ device }) => device.port === port,
    miss: ({ device }) => (device.port === null ? 'its port is not known' : `port ${device.port} is not ${port}`),
  };
}

function tagCheck(tag: string): DeviceCheck {
  return {
    test: ({ device }) => device.tags.includes(tag),
    miss: () => `it has no tag ${JSON.stringify(tag)}`,
  };
}

function nameCheck(pattern: string): DeviceCheck {
  const matches = compileGlob(pattern);
  return {
    test: ({ name }) => matches(name),
    miss: ({ device }) => noMatch('name', device.name, pattern),
  };
}

function boardCheck(pattern: string): DeviceCheck {
  const matches = compileGlob(pattern);
  return {
    test: ({ board }) => board !== null && matches(board),
    miss: ({ device }) => noMatch('board', device.board, pattern),
  };
}

function serviceCheck(pattern: string): DeviceCheck {
  const matches = compileGlob(pattern);
  return {
    test: ({ services }) => services.some((service) => matches(service)),
    miss: ({ device }) => noMatch('service', device.services.length === 0 ? null : device.services.join(', '), pattern),
  };
}

/** People write MAC addresses with dashes as well; the registry has colons. */
function macCheck(pattern: string): DeviceCheck {
  const matches = compileGlob(pattern.replaceAll('-', ':'));
  return {
    test: ({ device }) => device.mac !== null && matches(device.mac),
    miss: ({ device }) => noMatch('mac', device.mac, pattern),
  };
}

/** Any of the three may match: ids, serial number and socket look so different that no pattern means two of them. */
function usbCheck(pattern: string): DeviceCheck {
  const matches = compileGlob(pattern.replace(/^usb:/i, ''));
  return {
    test: ({ device }) => usbWords(device.serial?.usb ?? null).some((word) => matches(word)),
    miss: ({ device }) => {
      const words = usbWords(device.serial?.usb ?? null);
      return noMatch('USB port', words.length === 0 ? null : words.join(', '), pattern);
    },
  };
}

/** What USB tells of a port, in lower case. */
function usbWords(usb: UsbFacts | null): readonly string[] {
  if (usb === null) return [];
  const ids = [usb.vendorId, usb.productId].map((id) => id.toString(16).padStart(4, '0')).join(':');
  return [ids, usb.serialNumber, usb.location].flatMap((word) => (word === null ? [] : [word.toLowerCase()]));
}

/** Only what is certain counts: a rule for one chip must not catch a device that may have another. */
function chipCheck(chip: NonNullable<DeviceSelector['chip']>): DeviceCheck {
  return {
    test: (subject) => subject.chip === chip,
    miss: (subject) => `chip is ${knownAs(subject)}, not ${chip} for certain`,
  };
}

function knownAs({ chip, evidence: { strength, possible, clues } }: Subject): string {
  if (chip !== null) return chip;
  if (strength === 'none') return 'not known';
  if (strength === 'hinted') return `${chipsText(possible)} by a hint only`;
  return possible.length === 0 ? `in dispute (${clues.join('; ')})` : chipsText(possible);
}

function addressCheck(ranges: readonly string[]): DeviceCheck {
  const contains = compileRanges(ranges);
  return {
    test: ({ address }) => address !== null && contains(address),
    miss: ({ device }) =>
      device.address === null ? 'its address is not known' : `address ${device.address} is not in ${ranges.join(', ')}`,
  };
}

function noMatch(what: string, value: string | null, pattern: string): string {
  return value === null
    ? `its ${what} is not known`
    : `${what} ${JSON.stringify(value)} does not match ${JSON.stringify(pattern)}`;
}
