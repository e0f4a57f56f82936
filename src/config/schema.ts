import * as z from 'zod';
import { LOG_LEVELS } from '../log.ts';
import type { FixedDevice } from '../model/device.ts';
import type { Config, DropSettings, KeepSettings, LogSettings } from './config.ts';
import { hookSchema } from './hook-schema.ts';
import type { ProtocolOptions } from './option-schema.ts';
import { type RuleContext, ruleSchema } from './rule-schema.ts';
import { serversSchema } from './servers-schema.ts';
import { trustSchema } from './trust-schema.ts';
import {
  chip,
  deviceAddress,
  duration,
  expecting,
  listOf,
  macAddress,
  oneOf,
  path,
  portNumber,
  refuse,
  serialPort,
  size,
  text,
  wholeNumber,
} from './values.ts';

/** What the schema needs to know of the place and the build it is used in. */
export type SchemaContext = RuleContext;

/** The `version:` that this build reads; a file of another is refused, not guessed at. */
export const CONFIG_VERSION = 1;

/** The path of `data:` where the config does not say. */
export const DEFAULT_DATA = './data';

const dropSchema = ({ resolvePath }: SchemaContext) =>
  z
    .strictObject(
      {
        path: path('the path of the drop folder', resolvePath).describe(
          'The folder that is watched for firmware files, relative to this file.',
        ),
        settle: duration(100, 3_600_000)
          .prefault('2s')
          .describe(
            'How long size and time of a file stand still before it counts as complete, where neither a .sha256 beside it nor its own format tells.',
          ),
        scan: duration(1000, 3_600_000)
          .prefault('30s')
          .describe(
            'How often the folder is read from end to end, events or not. Shorten it for a network share whose events never come.',
          ),
      },
      expecting('a mapping with the path of the drop folder'),
    )
    .transform(({ path, settle, scan }): DropSettings => ({ path, settleMs: settle, scanMs: scan }));

const mdnsSchema = z.union(
  [
    z.literal(false),
    z.strictObject({
      services: listOf(
        text('a service such as arduino').regex(
          /^[A-Za-z0-9][A-Za-z0-9-]{0,14}$/,
          expecting('a service name without underscore and domain, such as arduino'),
        ),
        'services',
      )
        .min(1, { error: 'expected at least one service; write mdns: false to switch it off' })
        .default(['arduino'])
        .describe('Service types to listen for, without underscore and domain.'),
      interface: text('auto, or the name or address of a network interface')
        .default('auto')
        .describe('auto: every network interface that is up; else the name or address of one.'),
    }),
  ],
  expecting('false or a mapping with services and interface'),
);

const discoverySchema = z.strictObject(
  {
    mdns: mdnsSchema.prefault({}).describe('Devices that announce themselves by mDNS; false switches it off.'),
    usb: z
      .boolean(expecting('true or false'))
      .default(false)
      .describe('Look for boards on the USB ports of this machine.'),
  },
  expecting('a mapping with mdns'),
);

const deviceSchema = (protocols: readonly ProtocolOptions[]) =>
  z
    .strictObject(
      {
        name: text('a name').describe('What logs and rules call the device. Each name once.'),
        address: deviceAddress()
          .optional()
          .describe('Its IPv4 or IPv6 address, for a device that does not announce itself.'),
        port: portNumber()
          .optional()
          .describe('The port it listens on. Without it: as announced, else the usual one of protocol and chip.'),
        mac: macAddress().optional().describe('Its MAC address, to recognise a device that discovery finds.'),
        serial: serialPort()
          .optional()
          .describe(
            "The port it is on: the system's path, rfc2217://HOST:PORT, tcp://HOST:PORT, or a USB socket such as usb:1-1.4 (see `dropflash ports`).",
          ),
        instance: text('an mDNS instance name')
          .optional()
          .describe('Its mDNS instance name, to recognise a device that discovery finds.'),
        protocol: oneOf(protocols.filter(({ placeOf }) => placeOf === undefined).map(({ name }) => name))
          .optional()
          .describe('The only protocol it takes.'),
        chip: chip().optional().describe('Its chip, which guards it against images for another.'),
        tags: listOf(text('a tag'), 'tags').default([]).describe('Words of your own that rules can select by.'),
        'try-every': duration(1_000, 24 * 3_600_000)
          .optional()
          .describe(
            'For a device that sleeps and announces nothing: while it does not answer, it is tried again after this time, until the release expires. Without it: as often as the rule retries.',
          ),
      },
      expecting('a device: a mapping with name and address, mac, instance or serial'),
    )
    .superRefine(({ address, port, mac, instance, serial }, context) => {
      if (serial !== undefined && (address ?? port ?? mac ?? instance) !== undefined) {
        refuse(context, 'a device on a serial port has no address, port, mac or instance', 'CONFIG_CONFLICT');
      }
      if (address ?? mac ?? instance ?? serial) return;
      const message = 'one of address, mac, instance and serial is needed to tell which device this is';
      refuse(context, message, 'CONFIG_MISSING_KEY');
    })
    .transform(
      ({ name, address, port, mac, serial, instance, protocol, chip, tags, 'try-every': tryEvery }): FixedDevice => ({
        name,
        address: address ?? null,
        port: port ?? null,
        mac: mac ?? null,
        serial: serial ?? null,
        instance: instance ?? null,
        protocol: protocol ?? null,
        chip: chip ?? null,
        tags,
        ...(tryEvery === undefined ? {} : { tryEveryMs: tryEvery }),
      }),
    );

const GROUP_OF_ONE = { error: 'expected at least two device names in a group' };

const limitsSchema = z
  .strictObject(
    {
      total: wholeNumber(1, 1000).default(32).describe('How many devices are updated at once.'),
      'per-subnet': wholeNumber(1, 1000)
        .default(16)
        .describe('How many of them in one subnet (IPv4 /24, IPv6 /64), which often share one radio channel.'),
      exclusive: listOf(listOf(text('the name of a device'), 'device names').min(2, GROUP_OF_ONE), 'groups')
        .default([])
        .describe(
          'Groups of device names. Never two of a group are updated at the same time, and none while another has not come back.',
        ),
    },
    expecting('a mapping with total, per-subnet and exclusive'),
  )
  .transform((limits) => ({
    total: limits.total,
    perSubnet: limits['per-subnet'],
    exclusive: limits.exclusive,
  }));

/** `sun_path` of sockaddr_un holds so many bytes and a NUL: 108 on Linux, 104 on macOS and the BSDs (unix(7), unix(4)). */
const LONGEST_SOCKET_BYTES = 103;

const controlSchema = ({ resolvePath }: SchemaContext) =>
  z.union(
    [
      z.literal(false),
      z
        .strictObject({
          socket: path('the path of a socket', resolvePath)
            .refine((socket) => Buffer.byteLength(socket) <= LONGEST_SOCKET_BYTES, {
              error: `expected a path of at most ${LONGEST_SOCKET_BYTES} bytes, the longest that a Unix socket may have`,
            })
            .optional()
            .describe(
              'The Unix socket that commands use; on Windows a named pipe stands in its place. Without it: control.sock in the data folder.',
            ),
        })
        .transform(({ socket }) => ({ socket: socket ?? null })),
    ],
    expecting('false or a mapping with socket'),
  );

const logSchema = ({ resolvePath }: SchemaContext) =>
  z
    .strictObject(
      {
        level: oneOf(LOG_LEVELS).default('info').describe('The least important lines that are written.'),
        format: oneOf(['json', 'pretty'])
          .default('json')
          .describe('How lines look on stdout: json for machines, pretty for people.'),
        file: z
          .strictObject(
            {
              path: path('the path of the log file', resolvePath).describe(
                'The log file, relative to this file. Always JSON lines.',
              ),
              'max-size': size(10_000, 1e12)
                .prefault('10MB')
                .describe('At this size the file is renamed and a new one begun.'),
              keep: wholeNumber(1, 1000).default(5).describe('How many old log files are kept.'),
            },
            expecting('a mapping with the path of the log file'),
          )
          .optional()
          .describe('A log file beside stdout. Without it: none.'),
      },
      expecting('a mapping with level, format and file'),
    )
    .transform(
      ({ level, format, file }): LogSettings => ({
        level,
        format,
        file: file === undefined ? null : { path: file.path, maxBytes: file['max-size'], keep: file.keep },
      }),
    );

const dataSchema = ({ resolvePath }: SchemaContext) =>
  path('the path of the data folder', resolvePath)
    .prefault(DEFAULT_DATA)
    .describe('The folder of the journal and of the stored images, relative to this file. Not inside the drop folder.');

const DAY_MS = 86_400_000;

const keepFor = () =>
  z.union(
    [z.literal('forever').transform(() => null), duration(DAY_MS, 36_500 * DAY_MS)],
    expecting('forever or a duration such as 90d'),
  );

const keepSchema = z
  .strictObject(
    {
      images: keepFor()
        .prefault('90d')
        .describe(
          'How long an image stays in the store after its last use. One that is to be sent, that a device runs or could be taken back to, or that is a rung of a ladder, stays in any case.',
        ),
      history: keepFor()
        .prefault('730d')
        .describe(
          'How long releases that are over stay in the journal, with their rollouts and jobs. Unit records and the audit log stay in any case.',
        ),
    },
    expecting('a mapping with images and history'),
  )
  .transform(({ images, history }): KeepSettings => ({ imagesMs: images, historyMs: history }));

/** Where the daemon of a config is found, whatever else stands in the file. */
export function placeSchema(context: SchemaContext) {
  return z
    .object({ data: dataSchema(context), control: controlSchema(context).prefault({}) })
    .transform(({ data, control }): Pick<Config, 'dataPath' | 'control'> => ({ dataPath: data, control }));
}

/** The whole file. Its output is the config but for freezing. */
export function configSchema(context: SchemaContext) {
  return z
    .strictObject(
      {
        version: z.literal(CONFIG_VERSION, expecting(String(CONFIG_VERSION))).describe('The version of this format.'),
        drop: dropSchema(context).describe('The drop folder.'),
        data: dataSchema(context),
        keep: keepSchema.prefault({}).describe('How long the data folder keeps what nobody needs any more.'),
        discovery: discoverySchema.prefault({}).describe('How devices are found.'),
        devices: listOf(deviceSchema(context.protocols), 'devices')
          .default([])
          .describe('The fixed list: devices by address, or a name, tags and a chip for those that discovery finds.'),
        limits: limitsSchema.prefault({}).describe('How much happens at once.'),
        control: controlSchema(context)
          .prefault({})
          .describe('Commands to the running daemon (status, retry, watch, …); false switches them off.'),
        trust: trustSchema(context)
          .prefault({})
          .describe('Whose files are used. As it stands: those of everyone who can write to the drop folder.'),
        hooks: listOf(hookSchema(), 'hooks').default([]).describe('Who is told when something happens.'),
        servers: serversSchema(context)
          .prefault({})
          .describe('Servers in the daemon, for devices that fetch by themselves. Without it: none.'),
        log: logSchema(context).prefault({}).describe('What is written down, and how.'),
        rules: listOf(ruleSchema(context), 'rules')
          .min(1, { error: 'expected at least one rule' })
          .describe('Which images go to which devices. For one device the first rule that matches decides.'),
      },
      expecting('a mapping with version, drop and rules'),
    )
    .transform(({ data, ...rest }) => ({ ...rest, dataPath: data }));
}
