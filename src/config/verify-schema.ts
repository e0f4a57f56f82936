import * as z from 'zod';
import { PROOFS } from '../model/proof.ts';
import type { ReturnCheck, Rule, UpdateSettings, Verify, VersionCheck } from '../model/rule.ts';
import type { ProtocolOptions } from './option-schema.ts';
import { duration, expecting, httpUrl, oneOf, portNumber, refuse, text, wholeNumber } from './values.ts';

const DAY_MS = 86_400_000;

const checkSchema = z.union(
  [
    z.enum(['auto', 'mdns', 'ping']).transform((by): ReturnCheck => ({ by })),
    z
      .strictObject({
        tcp: portNumber().optional().describe('Back when this TCP port accepts a connection.'),
        http: httpUrl()
          .optional()
          .describe('Back when this URL answers; `{address}` stands for the address of the device.'),
        status: wholeNumber(100, 599).optional().describe('The HTTP status that counts, with `http`. Without it: 200.'),
      })
      .transform(({ tcp, http, status }, context): ReturnCheck => {
        if (tcp !== undefined && http === undefined && status === undefined) return { by: 'tcp', port: tcp };
        if (http !== undefined && tcp === undefined) return { by: 'http', url: http, status: status ?? 200 };
        return refuse(context, 'expected either {tcp: PORT} or {http: URL, status: NUMBER}');
      }),
  ],
  expecting('auto, mdns, ping, {tcp: PORT} or {http: URL}'),
);

/** The version, and not a part of a longer one: `1.2.0` is not found in `11.2.0`, `1.2.0.1` and `1.2.0-rc1`. */
export const WHOLE_VERSION = '(?<![\\d.]){version}(?![\\w+-]|\\.\\w)';

const versionSchema = z
  .strictObject(
    {
      http: httpUrl()
        .optional()
        .describe('A URL whose answer tells the version; `{address}` stands for the address of the device.'),
      status: wholeNumber(100, 599).optional().describe('The HTTP status that counts, with `http`. Without it: 200.'),
      json: text('a path such as firmware.version')
        .regex(/^[^.[\]]+(?:\.[^.[\]]+|\[\d+\])*$/, expecting('a path such as firmware.version or parts[0].version'))
        .optional()
        .describe(
          'Where in a JSON answer it stands, with `http`: `firmware.version`. Without it: anywhere in the answer.',
        ),
      mdns: text('a key of the TXT record').optional().describe('A key of its mDNS TXT record that tells it.'),
      tcp: portNumber().optional().describe('A TCP port that tells it unasked, as the first line.'),
      match: text('a regular expression with {version} in it')
        .default(WHOLE_VERSION)
        .describe(
          'A regular expression; `{version}` stands for the version of the image. The default finds it as a whole.',
        ),
    },
    expecting('a mapping with http, mdns or tcp'),
  )
  .transform(({ http, status, json, mdns, tcp, match }, context): VersionCheck => {
    const problem = patternProblem(match);
    if (problem !== null) return refuse(context, problem);
    const isHttp = http !== undefined && mdns === undefined && tcp === undefined;
    if (isHttp) return { by: 'http', url: http, status: status ?? 200, json: json ?? null, match };
    const isPlain = http === undefined && status === undefined && json === undefined;
    if (isPlain && mdns !== undefined && tcp === undefined) return { by: 'mdns', key: mdns, match };
    if (isPlain && tcp !== undefined && mdns === undefined) return { by: 'tcp', port: tcp, match };
    return refuse(context, 'expected one of http (with status and json), mdns and tcp');
  });

function patternProblem(match: string): string | null {
  if (!match.includes('{version}')) return 'match needs {version}: without it any version would do';
  try {
    new RegExp(match.replaceAll('{version}', '1'), 'm');
    return null;
  } catch (error) {
    return `match is no regular expression: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** `verify:` of a rule; what it asks of the other keys is in {@link checkVerify}. */
export const verifySchema = z
  .strictObject(
    {
      proof: oneOf(PROOFS)
        .default('returned')
        .describe(
          'How far the outcome must be known. sent: every byte left; accepted: the device said so; returned: it came back on the network; verified: it says the version of the image; soaked: it is still well after `soak`.',
        ),
      within: duration(1000, DAY_MS)
        .prefault('90s')
        .describe('How long after acceptance the device may take to come back, and to say its version.'),
      by: checkSchema
        .prefault('auto')
        .describe(
          'What shows that it is back. mdns: it announces itself anew; ping: it answers an ICMP echo; {tcp: PORT}; {http: URL, status: NUMBER}; auto: what the protocol knows, else mdns where the device has it, else ping.',
        ),
      version: versionSchema
        .optional()
        .describe(
          'Where the device says its version, for the proofs verified and soaked. Without it: where all devices of the protocol say it, if they do.',
        ),
      soak: duration(1000, 30 * DAY_MS)
        .optional()
        .describe('How long the device is watched after that, for the proof soaked. Without it: 10m.'),
    },
    expecting('a mapping with proof, within, by, version and soak'),
  )
  .transform(({ proof, within, by, version, soak }, context): Verify => {
    const asksVersion = proof === 'verified' || proof === 'soaked';
    if (version !== undefined && !asksVersion) {
      return refuse(
        context,
        `version is asked for the proofs verified and soaked only, not for ${proof}`,
        'CONFIG_CONFLICT',
      );
    }
    if (soak !== undefined && proof !== 'soaked') {
      return refuse(context, `soak belongs to the proof soaked, not to ${proof}`, 'CONFIG_CONFLICT');
    }
    const soakMs = proof === 'soaked' ? (soak ?? DEFAULT_SOAK_MS) : 0;
    return { proof, withinMs: within, check: by, version: version ?? null, soakMs };
  });

const DEFAULT_SOAK_MS = 600_000;

/** What devices of the rule's protocol show of themselves stands in for what the rule leaves open. A version is then asked for any return. */
export function withSigns(verify: Verify, update: UpdateSettings, protocols: readonly ProtocolOptions[]): Verify {
  const signs = protocols.find(({ name }) => name === update.protocol)?.signs?.(update.options) ?? null;
  if (signs === null || verify.proof === 'sent' || verify.proof === 'accepted') return verify;
  const { settledAfterMs } = signs;
  const version = verify.version ?? { ...signs.version, match: WHOLE_VERSION, settledAfterMs };
  return { ...verify, check: verify.check.by === 'auto' ? signs.returnBy : verify.check, version };
}

/** Against a rule as it is after {@link withSigns}. */
export function checkVerify({ verify: { proof, version } }: Pick<Rule, 'verify'>, context: z.RefinementCtx): void {
  if (proof !== 'verified' || version !== null) return;
  const message = 'proof: verified needs version, which says where the device tells it';
  context.addIssue({ code: 'custom', path: ['verify'], message, params: { code: 'CONFIG_MISSING_KEY' } });
}
