import { isIPv4 } from 'node:net';
import * as z from 'zod';
import type { EspatServerSettings, FtpServerSettings, ServerSettings } from '../model/server.ts';
import { secret } from './option-schema.ts';
import type { RuleContext } from './rule-schema.ts';
import { duration, expecting, ipAddress, listOf, portNumber, portRange, text, wholeNumber } from './values.ts';

const ftpUserSchema = ({ secrets }: RuleContext) =>
  z.strictObject(
    {
      name: text('a user name')
        .regex(/^[\x21-\x7e]{1,64}$/, expecting('a user name of visible ASCII characters, without blanks'))
        .describe('The name a device logs in with. Each has a folder of its own, with the program of one rule.'),
      password: secret(secrets).describe('Its password. FTP sends it in the clear: use one that opens nothing else.'),
    },
    expecting('a mapping with name and password'),
  );

const ftpSchema = (context: RuleContext) =>
  z
    .strictObject(
      {
        address: ipAddress().prefault('0.0.0.0').describe('The address of this machine that it listens on.'),
        port: portNumber().default(21).describe('The port. Below 1024 a service needs CAP_NET_BIND_SERVICE on Linux.'),
        'passive-ports': portRange()
          .optional()
          .describe('The ports of passive data connections, for a firewall or a NAT. Without it: any free one.'),
        'public-address': ipAddress()
          .refine(isIPv4, expecting('an IPv4 address'))
          .optional()
          .describe('The address that devices reach this machine by, behind a NAT. Without it: the one they came to.'),
        connections: wholeNumber(1, 10_000).default(500).describe('How many devices may be connected at once.'),
        'connections-per-address': wholeNumber(1, 10_000)
          .default(50)
          .describe('How many of them from one address; many modems may come through one NAT.'),
        idle: duration(60_000, 86_400_000)
          .prefault('15m')
          .describe('How long a device may be silent between two commands. Slow modems need 5m at least.'),
        'data-idle': duration(10_000, 3_600_000)
          .prefault('2m')
          .describe('How long a data connection may take to come about, and may stand still.'),
        users: listOf(ftpUserSchema(context), 'users')
          .min(1, { error: 'expected at least one user' })
          .describe('Who may log in. Each sees one folder of its own, and nothing else.'),
      },
      expecting('a mapping with users'),
    )
    .transform(
      (ftp): FtpServerSettings => ({
        address: ftp.address,
        port: ftp.port,
        passivePorts: ftp['passive-ports'] ?? null,
        publicAddress: ftp['public-address'] ?? null,
        connections: ftp.connections,
        connectionsPerAddress: ftp['connections-per-address'],
        idleMs: ftp.idle,
        dataIdleMs: ftp['data-idle'],
        users: ftp.users,
      }),
    );

const espatDnsSchema = z.strictObject(
  {
    answer: ipAddress()
      .refine(isIPv4, expecting('an IPv4 address'))
      .describe('The IPv4 address that modules are told for iot.espressif.cn: the one they reach this machine by.'),
    address: ipAddress()
      .refine(isIPv4, expecting('an IPv4 address'))
      .prefault('0.0.0.0')
      .describe('The address of this machine that it listens on.'),
    port: portNumber().default(53).describe('The UDP port. Below 1024 a service needs CAP_NET_BIND_SERVICE on Linux.'),
  },
  expecting('a mapping with answer'),
);

const espatSchema = z
  .strictObject(
    {
      address: ipAddress().prefault('0.0.0.0').describe('The address of this machine that it listens on.'),
      port: portNumber()
        .default(80)
        .describe('The port; 80 is built into modules. Below 1024 a service needs CAP_NET_BIND_SERVICE on Linux.'),
      connections: wholeNumber(1, 10_000).default(100).describe('How many modules may be connected at once.'),
      dns: espatDnsSchema
        .optional()
        .describe('A DNS server that knows the one name that is built into modules, and no other. Without it: none.'),
    },
    expecting('a mapping with address, port and connections'),
  )
  .transform((espat): EspatServerSettings => ({ ...espat, dns: espat.dns ?? null }));

/** `servers:` of the config. */
export const serversSchema = (context: RuleContext) =>
  z
    .strictObject(
      {
        ftp: ftpSchema(context).optional().describe('A read-only FTP server, for rules with `protocol: waspmote-ftp`.'),
        espat: espatSchema
          .optional()
          .describe('An HTTP server for modules with AT firmware, for rules with `protocol: espat-cloud`.'),
      },
      expecting('a mapping with ftp and espat'),
    )
    .transform(({ ftp, espat }): ServerSettings => ({ ftp: ftp ?? null, espat: espat ?? null }));
