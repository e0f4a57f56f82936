import { FlashError } from '../../errors.ts';
import type { DatagramLink, DialBack } from '../../transports/links.ts';
import { printable, type Reply } from './codec.ts';
import type { UpdateCommand } from './constants.ts';
import type { Inbox } from './inbox.ts';
import type { LoginKind } from './login.ts';
import type { EspotaOptions } from './options.ts';
import { refusalCode } from './refusals.ts';

/** What is known of an invitation when it fails. */
export interface InvitationFacts {
  readonly device: { readonly address: string; readonly port: number };
  readonly image: { readonly command: UpdateCommand; readonly sizeBytes: number; readonly md5: string };
  readonly options: EspotaOptions;
  readonly datagrams: DatagramLink;
  readonly dialBack: DialBack;
}

/** Throws OTA_AUTH_REQUIRED where there is none, and what the secret throws where it cannot be read. */
export function revealPassword({ device, options }: InvitationFacts): string {
  if (options.password !== null) return options.password.reveal();
  throw new FlashError('OTA_AUTH_REQUIRED', `${endpoint(device)} asks for a password and none is configured`, {
    step: 'prepare',
  });
}

/** OTA_AUTH_REFUSED, with where the password came from and the kinds of login that were tried; never the password. */
export function authRefused({ device, options }: InvitationFacts, refused: ReadonlySet<LoginKind>): FlashError {
  const kinds = [...refused].join(', ');
  const source = options.password?.source ?? 'config';
  return new FlashError(
    'OTA_AUTH_REFUSED',
    `${endpoint(device)} refused the password from ${source} (${kinds} login)`,
    {
      step: 'prepare',
    },
  );
}

/** OTA_AUTH_NO_ANSWER after so many logins. */
export function authNoAnswer({ device, options }: InvitationFacts, logins: number): FlashError {
  const eachS = options.loginWithinMs / 1000;
  return new FlashError(
    'OTA_AUTH_NO_ANSWER',
    `${endpoint(device)} asked for a password and did not answer ${logins} logins within ${eachS} s each`,
    { step: 'prepare' },
  );
}

/** OTA_NO_ANSWER, or what was heard in place of an answer: OTA_UNEXPECTED_ANSWER, or the trouble that the socket had. `sent` counts invitations. */
export function noAnswer({ device, options }: InvitationFacts, inbox: Inbox, sent: number): FlashError {
  if (inbox.strangeWords !== null) {
    return new FlashError('OTA_UNEXPECTED_ANSWER', `${endpoint(device)} answers "${inbox.strangeWords}"`, {
      step: 'prepare',
      details: { words: inbox.strangeWords },
    });
  }
  const { trouble } = inbox;
  const withinS = options.answerWithinMs / 1000;
  const what = `no answer from ${endpoint(device)} to ${sent === 1 ? 'an invitation' : `${sent} invitations`} in ${withinS} s`;
  const code = trouble?.code ?? 'OTA_NO_ANSWER';
  const because = trouble === null ? '' : `: ${trouble.message}`;
  return new FlashError(code, `${what}${because}`, { cause: trouble ?? undefined, step: 'prepare' });
}

/** OTA_DIAL_BACK, with all that may be the cause; `answerMs` is how long the device took for its `OK`. */
export function noDialBack(facts: InvitationFacts, answerMs: number): FlashError {
  const { device, dialBack, datagrams, image, options } = facts;
  const { strangers } = dialBack;
  if (dialBack.brokenCalls > 0 && strangers.length === 0) return brokenDialBack(facts, answerMs);
  const others = strangers.length === 0 ? '' : ` Refused connections from ${strangers.join(', ')}.`;
  const size = image.sizeBytes.toLocaleString('en-US');
  return new FlashError(
    'OTA_DIAL_BACK',
    `${endpoint(device)} said OK after ${answerMs} ms, but did not connect to ${datagrams.localAddress}:${dialBack.port} within ` +
      `${options.dialBackWithinMs / 1000} s.${others} Its way back is blocked (firewall, NAT, container, WSL2), ` +
      `or it is an ESP32 without room for ${size} bytes.`,
    {
      step: 'prepare',
      details: {
        answerMs,
        listening: `${datagrams.localAddress}:${dialBack.port}`,
        strangers,
        sizeBytes: image.sizeBytes,
      },
    },
  );
}

/** The way back is open: somebody came by it, and nobody but the device was told of the port. */
function brokenDialBack({ device, dialBack, datagrams, options }: InvitationFacts, answerMs: number): FlashError {
  const { brokenCalls } = dialBack;
  const calls = brokenCalls === 1 ? 'a connection' : `${brokenCalls} connections`;
  return new FlashError(
    'OTA_CONNECTION_LOST',
    `${endpoint(device)} said OK after ${answerMs} ms; ${calls} to ${datagrams.localAddress}:${dialBack.port} broke off as soon as made, ` +
      `and no other came within ${options.dialBackWithinMs / 1000} s`,
    { step: 'prepare', details: { answerMs, brokenCalls } },
  );
}

/** Throws the code that the device's own words stand for; OTA_REFUSED where they are not known. */
export function throwIfRefused({ device, image }: InvitationFacts, reply: Reply): void {
  if (reply.kind !== 'refused') return;
  const words = printable(reply.words);
  const code = refusalCode(reply.words) ?? 'OTA_REFUSED';
  throw new FlashError(code, `${endpoint(device)} refuses ${image.sizeBytes.toLocaleString('en-US')} bytes: ${words}`, {
    step: 'prepare',
    details: { words, sizeBytes: image.sizeBytes },
  });
}

function endpoint(device: InvitationFacts['device']): string {
  return `${device.address}:${device.port}`;
}
