import type { StreamLink } from '../../transports/links.ts';
import { encodeInvitation, encodeLogin, type Reply } from './codec.ts';
import {
  FIRST_RESEND_PAUSE_MS,
  MAX_DOUBTFUL_LOGINS,
  MAX_SILENT_LOGINS,
  NEWEST_NONCE_MS,
  RESEND_PAUSE_MS,
} from './constants.ts';
import { type Dialled, Inbox, type InboxOptions } from './inbox.ts';
import {
  authNoAnswer,
  authRefused,
  type InvitationFacts,
  noAnswer,
  noDialBack,
  revealPassword,
  throwIfRefused,
} from './invitation-errors.ts';
import { answerChallenge, type LoginKind, loginKinds } from './login.ts';

/** All that an invitation is sent and answered with. */
export interface InvitationContext extends InvitationFacts, InboxOptions {}

/** How a device took an invitation. */
type Answer = Dialled | Consent | Challenge;

interface Consent {
  readonly kind: 'ok';
}

interface Challenge {
  readonly kind: 'challenge';
  readonly nonce: string;
  /** False where an earlier datagram of ours may have cancelled it: then its refusal proves nothing about the password. */
  readonly isClean: boolean;
}

type LoginOutcome = Dialled | Consent | { readonly kind: 'failed' | 'silence' };

/**
 * Invites the device, logs in where it asks, and returns its connection. The connection counts as consent at every point: its `OK` can
 * be lost, and cannot be asked for again.
 *
 * @throws FlashError OTA_NO_ANSWER, OTA_UNEXPECTED_ANSWER, OTA_AUTH_…, OTA_DIAL_BACK, LINK_REFUSED, LINK_UNREACHABLE or the code of
 *   the device's refusal; or the signal's reason
 */
export async function invite(context: InvitationContext): Promise<StreamLink> {
  const startMs = context.clock.monotonic();
  const inbox = new Inbox(context);
  try {
    const answer = await untilAccepted(context, inbox);
    if (answer.kind === 'dialled') return answer.stream;
    return await awaitDialBack(context, inbox, Math.round(context.clock.monotonic() - startMs));
  } finally {
    inbox.close();
  }
}

/** Invitation, and login as often as it takes; each round begins with a new invitation. */
async function untilAccepted(context: InvitationContext, inbox: Inbox): Promise<Dialled | Consent> {
  const history = new LoginHistory(context);
  for (;;) {
    const answer = await askUntilAnswered(context, inbox);
    if (answer.kind !== 'challenge') return answer;
    const password = revealPassword(context);
    const kind = history.nextKind(answer.nonce);
    const outcome = await logIn(context, inbox, { nonce: answer.nonce, kind, password });
    if (outcome.kind === 'dialled' || outcome.kind === 'ok') return outcome;
    if (outcome.kind === 'silence') history.noteSilence();
    if (outcome.kind === 'failed') history.noteFailure(kind, answer);
  }
}

/** Remembers the logins of one attempt and ends it when another makes no sense: a wrong password is not tried for ever. */
class LoginHistory {
  readonly #context: InvitationContext;
  readonly #refused = new Set<LoginKind>();
  #silent = 0;
  #doubtful = 0;

  constructor(context: InvitationContext) {
    this.#context = context;
  }

  /** @throws FlashError OTA_AUTH_REFUSED */
  nextKind(nonce: string): LoginKind {
    const kind = loginKinds(nonce).find((candidate) => !this.#refused.has(candidate));
    if (kind === undefined) throw authRefused(this.#context, this.#refused);
    return kind;
  }

  /** @throws FlashError OTA_AUTH_NO_ANSWER */
  noteSilence(): void {
    this.#silent += 1;
    if (this.#silent >= MAX_SILENT_LOGINS) throw authNoAnswer(this.#context, this.#silent);
  }

  /** @throws FlashError OTA_AUTH_REFUSED */
  noteFailure(kind: LoginKind, { nonce, isClean }: Challenge): void {
    if (!isClean && this.#doubtful < MAX_DOUBTFUL_LOGINS) {
      this.#doubtful += 1;
      return;
    }
    this.#refused.add(kind);
    this.nextKind(nonce);
  }
}

/**
 * Sends the invitation until the device says something that can be acted upon: again after ever the same slow pauses, and at once when
 * the device comes onto the network. One that sleeps most of the time is awake for less than a pause.
 */
async function askUntilAnswered(context: InvitationContext, inbox: Inbox): Promise<Answer> {
  const { clock, datagrams, dialBack, image, options } = context;
  const invitation = encodeInvitation({ ...image, tcpPort: dialBack.port });
  const endMs = clock.monotonic() + options.answerWithinMs;
  for (let sent = 1; ; sent += 1) {
    await inbox.send(invitation);
    context.log.debug('ota.invited', { step: 'prepare', sent, bytes: invitation.length, from: datagrams.localAddress });
    const pauseMs = sent === 1 ? FIRST_RESEND_PAUSE_MS : RESEND_PAUSE_MS;
    const nextMs = clock.monotonic() + pauseMs;
    const answer = await awaitAnswer(context, inbox, Math.min(nextMs, endMs));
    if (answer === 'appeared') continue;
    if (answer?.kind === 'challenge') return await newestChallenge(inbox, answer.nonce, sent === 1);
    if (answer !== null) return answer;
    if (nextMs >= endMs) throw noAnswer(context, inbox, sent);
  }
}

async function awaitAnswer(
  context: InvitationContext,
  inbox: Inbox,
  endMs: number,
): Promise<Answer | 'appeared' | null> {
  for (;;) {
    const arrival = await inbox.next(endMs);
    if (arrival.kind === 'silence') return null;
    if (arrival.kind === 'dialled') return arrival;
    if (arrival.kind === 'appeared') return 'appeared';
    const answer = arrival.kind === 'reply' ? answerIn(context, inbox, arrival.reply) : null;
    if (answer !== null) return answer;
  }
}

/** What a device's reply to an invitation comes to; null where nothing can be made of it. */
function answerIn(context: InvitationContext, inbox: Inbox, reply: Reply): Consent | Challenge | null {
  if (reply.kind === 'ok') return { kind: 'ok' };
  if (reply.kind === 'auth' && !inbox.answered.has(reply.nonce)) {
    return { kind: 'challenge', nonce: reply.nonce, isClean: false };
  }
  if (reply.kind === 'auth-failed') inbox.wonder('Authentication Failed');
  throwIfRefused(context, reply);
  return null;
}

/** Where more than one invitation is out, their challenges come one after the other, and each cancels the one before. */
async function newestChallenge(inbox: Inbox, nonce: string, isClean: boolean): Promise<Answer> {
  if (isClean) return { kind: 'challenge', nonce, isClean };
  let newest = nonce;
  const endMs = inbox.now() + NEWEST_NONCE_MS;
  for (;;) {
    const arrival = await inbox.next(endMs);
    if (arrival.kind === 'silence') return { kind: 'challenge', nonce: newest, isClean };
    if (arrival.kind === 'dialled') return arrival;
    if (arrival.kind === 'reply' && arrival.reply.kind === 'auth') newest = arrival.reply.nonce;
    if (arrival.kind === 'reply' && arrival.reply.kind === 'ok') return { kind: 'ok' };
  }
}

async function logIn(
  context: InvitationContext,
  inbox: Inbox,
  login: { readonly nonce: string; readonly kind: LoginKind; readonly password: string },
): Promise<LoginOutcome> {
  inbox.answered.add(login.nonce);
  const response = encodeLogin(await answerChallenge(login.kind, login.password, login.nonce));
  context.log.debug('ota.login-sent', { step: 'prepare', login: login.kind });
  await inbox.send(response);
  const endMs = context.clock.monotonic() + context.options.loginWithinMs;
  for (;;) {
    const arrival = await inbox.next(endMs);
    if (arrival.kind === 'dialled') return arrival;
    if (arrival.kind === 'silence') return { kind: 'silence' };
    if (arrival.kind !== 'reply') continue;
    if (arrival.reply.kind === 'ok') return { kind: 'ok' };
    if (arrival.reply.kind === 'auth-failed') return { kind: 'failed' };
    throwIfRefused(context, arrival.reply);
  }
}

/** The device has said `OK`: now it has to connect. */
async function awaitDialBack(context: InvitationContext, inbox: Inbox, answerMs: number): Promise<StreamLink> {
  const endMs = context.clock.monotonic() + context.options.dialBackWithinMs;
  for (;;) {
    const arrival = await inbox.next(endMs);
    if (arrival.kind === 'dialled') return arrival.stream;
    if (arrival.kind === 'silence') throw noDialBack(context, answerMs);
    if (arrival.kind === 'reply') throwIfRefused(context, arrival.reply);
  }
}
