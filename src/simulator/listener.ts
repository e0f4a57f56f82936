import type { CoreFacts } from './cores.ts';
import { type Invitation, type LoginAnswer, readInvitation, readLoginAnswer } from './datagram.ts';
import { expectedResponse, hasRightLengths, type Login, makeNonce } from './login.ts';

/** Where a datagram came from, or goes to. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

/**
 * The UDP side of ArduinoOTA (`_onRx`). Nothing but a datagram leads out of `wait-auth`: the devices have no time-out there.
 * `host` is who gets the replies, and whom the device dials.
 */
export type ListenerState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'wait-auth'; readonly invitation: Invitation; readonly nonce: string; readonly host: Peer }
  | { readonly kind: 'run-update'; readonly invitation: Invitation; readonly host: Peer };

/** What of a device its answers to datagrams depend on. */
export interface Listener {
  readonly chip: CoreFacts['chip'];
  /** Null: no password. */
  readonly login: Login | null;
}

/** What a datagram led to. */
export interface Outcome {
  readonly state: ListenerState;
  readonly reply: { readonly to: Peer; readonly text: string } | null;
  /** What the datagram was to the device, for counting. */
  readonly seen: 'invitation' | 'login' | 'wrong-login' | 'swallowed' | 'ignored';
}

const IDLE: ListenerState = { kind: 'idle' };

/** One datagram, in any state. `micros` is the device's time since start, the source of its nonce. */
export function receive(
  listener: Listener,
  state: ListenerState,
  bytes: Uint8Array,
  { from, micros }: { readonly from: Peer; readonly micros: number },
): Outcome {
  switch (state.kind) {
    case 'idle':
      return receiveIdle(listener, bytes, from, micros);
    case 'wait-auth': {
      const answer = readLoginAnswer(bytes);
      if (answer === null || listener.login === null) return { state: IDLE, reply: null, seen: 'swallowed' };
      return judgeLogin(listener.login, { chip: listener.chip, state, answer, from });
    }
    case 'run-update':
      return { state, reply: null, seen: 'ignored' };
  }
}

function receiveIdle(listener: Listener, bytes: Uint8Array, from: Peer, micros: number): Outcome {
  const invitation = readInvitation(bytes);
  if (invitation === null) return { state: IDLE, reply: null, seen: 'ignored' };
  if (listener.login !== null) {
    const nonce = makeNonce(listener.login.scheme, micros);
    const state: ListenerState = { kind: 'wait-auth', invitation, nonce, host: from };
    return { state, reply: { to: from, text: `AUTH ${nonce}` }, seen: 'invitation' };
  }
  return { ...accepted(listener.chip, invitation, from), seen: 'invitation' };
}

function judgeLogin(
  login: Login,
  attempt: {
    readonly chip: CoreFacts['chip'];
    readonly state: Extract<ListenerState, { kind: 'wait-auth' }>;
    readonly answer: LoginAnswer;
    readonly from: Peer;
  },
): Outcome {
  const { chip, state, answer, from } = attempt;
  if (!hasRightLengths(login, answer)) return { state: IDLE, reply: null, seen: 'swallowed' };
  // The ESP8266 keeps address and port of the invitation; the ESP32 answers, and dials, the sender of the login.
  const host = chip === 'esp8266' ? state.host : from;
  if (answer.response !== expectedResponse(login, state.nonce, answer.cnonce)) {
    return { state: IDLE, reply: { to: host, text: 'Authentication Failed' }, seen: 'wrong-login' };
  }
  return { ...accepted(chip, state.invitation, host), seen: 'login' };
}

/** The ESP32 says `OK` here; the ESP8266 leaves that to its loop, after the space check. */
function accepted(chip: CoreFacts['chip'], invitation: Invitation, host: Peer): Pick<Outcome, 'state' | 'reply'> {
  const state: ListenerState = { kind: 'run-update', invitation, host };
  return { state, reply: chip === 'esp32' ? { to: host, text: 'OK' } : null };
}
