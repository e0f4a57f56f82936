import * as z from 'zod';
import type { ImageKind } from '../model/image.ts';
import type { DeviceSelector, FirmwareSelector } from '../model/rule.ts';
import { addressRange, chip, expecting, glob, listOf, macPattern, oneOf, portNumber, refuse, text } from './values.ts';

const IMAGE_KINDS = [
  'app',
  'bootloader',
  'merged',
  'partition-table',
  'otadata',
  'filesystem',
  'data',
  'package',
] as const satisfies readonly ImageKind[];

/** A forgotten selector must not mean "everything": matching all has to be written out. */
function narrows(key: string) {
  return (selector: object, context: z.RefinementCtx): void => {
    if (Object.keys(selector).length > 0) return;
    refuse(context, `at least one key is needed; write { ${key}: "*" } to match all`, 'CONFIG_MISSING_KEY');
  };
}

/** `firmware:` of a rule. */
export const firmwareSchema = z
  .strictObject(
    {
      file: glob('a file name pattern such as "sensor-*.bin"')
        .optional()
        .describe('Name of the dropped file, as a glob.'),
      chip: chip().optional().describe('Chip the image was built for, as the image itself says.'),
      project: glob('a project name pattern')
        .optional()
        .describe('Project name inside the image (ESP32 family), as a glob.'),
      version: glob('a version pattern such as "2.*"')
        .optional()
        .describe('Version inside the image (ESP32 family), as a glob.'),
      kind: oneOf(IMAGE_KINDS).optional().describe('What the image is, by its own bytes.'),
    },
    expecting('a mapping that says which images'),
  )
  .superRefine(narrows('file'))
  .transform(
    ({ file, chip, project, version, kind }): FirmwareSelector => ({
      file: file ?? null,
      chip: chip ?? null,
      project: project ?? null,
      version: version ?? null,
      kind: kind ?? null,
    }),
  );

const addressSchema = z.union(
  [
    addressRange().transform((range) => [range]),
    listOf(addressRange(), 'addresses').min(1, expecting('at least one address')),
  ],
  expecting('an address, a CIDR range or a list of them'),
);

/** `devices:` of a rule. */
export const devicesSchema = z
  .strictObject(
    {
      name: glob('a device name pattern such as "sensor-*"')
        .optional()
        .describe('Name of the device (fixed list or mDNS), as a glob.'),
      board: glob('a board pattern such as "nodemcu*"').optional().describe('`board` of its mDNS record, as a glob.'),
      service: glob('a service such as arduino')
        .optional()
        .describe('mDNS service it offers, without underscore and domain.'),
      address: addressSchema.optional().describe('Its address: one of these addresses or CIDR ranges.'),
      mac: macPattern().optional().describe('Its MAC address; parts may be `*`.'),
      chip: chip().optional().describe('Its chip, as the fixed list or its board name says.'),
      tags: listOf(text('a tag'), 'tags')
        .min(1, expecting('at least one tag'))
        .optional()
        .describe('Tags of the fixed list; all of them must be there.'),
      port: portNumber().optional().describe('The port it listens on.'),
      usb: glob('a pattern such as "10c4:ea60" or "1-1.*"')
        .optional()
        .describe('What USB tells of its port, as a glob: vendor and product id, serial number, or socket.'),
    },
    expecting('a mapping that says which devices'),
  )
  .superRefine(narrows('name'))
  .transform(
    ({ name, board, service, address, mac, chip, tags, port, usb }): DeviceSelector => ({
      name: name ?? null,
      board: board ?? null,
      service: service ?? null,
      address: address ?? null,
      mac: mac ?? null,
      chip: chip ?? null,
      tags: tags ?? null,
      port: port ?? null,
      usb: usb ?? null,
    }),
  );
