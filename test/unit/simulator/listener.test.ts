import { describe, expect, it } from 'vitest';
import { type Listener, type ListenerState, type Outcome, receive } from '../../../src/simulator/listener.ts';
import { expectedResponse, hexDigest, type Login, loginFromPassword, makeNonce } from '../../../src/simulator/login.ts';

const MD5 = '4017585f3b48f84452c923f34d479b5c';
const INVITATION = `0 41793 300001 ${MD5}\n`;
const HOST = { address: '10.0.0.2', port: 50_000 };
const HOST_AGAIN = { address: '10.0.0.3', port: 50_001 };
const MICROS = 12_345;

const secret = loginFromPassword('md5', 'secret');
const secret256 = loginFromPassword('sha256', 'secret');

function hear(listener: Listener, state: ListenerState, text: string, from = HOST): Outcome {
  return receive(listener, state, Buffer.from(text, 'latin1'), { from, micros: MICROS });
}

function answer(login: Login, letters: number): string {
  const cnonce = hexDigest('sha256', 'cnonce').slice(0, letters);
  return `200 ${cnonce} ${expectedResponse(login, makeNonce(login.scheme, MICROS), cnonce)}\n`;
}

const idle: ListenerState = { kind: 'idle' };

describe('listener', () => {
  it('goes straight to the update without a password; only the ESP32 says OK at once', () => {
    const esp32 = hear({ chip: 'esp32', login: null }, idle, INVITATION);
    expect(esp32).toMatchObject({ state: { kind: 'run-update', host: HOST }, reply: { to: HOST, text: 'OK' } });
    const esp8266 = hear({ chip: 'esp8266', login: null }, idle, INVITATION);
    expect(esp8266).toMatchObject({ state: { kind: 'run-update', host: HOST }, reply: null });
  });

  it.each([
    ['md5', secret, 32],
    ['sha256', secret256, 64],
  ] as const)('challenges with a %s nonce', (scheme, login, letters) => {
    const outcome = hear({ chip: 'esp32', login }, idle, INVITATION);
    expect(outcome.reply?.text).toBe(`AUTH ${makeNonce(scheme, MICROS)}`);
    expect(outcome.reply?.text).toHaveLength('AUTH '.length + letters);
    expect(outcome.state.kind).toBe('wait-auth');
  });

  it.each([
    ['esp8266', secret, 32],
    ['esp32', secret, 32],
    ['esp32', secret256, 64],
  ] as const)('lets the right answer in (%s)', (chip, login, letters) => {
    const listener = { chip, login };
    const { state } = hear(listener, idle, INVITATION);
    expect(hear(listener, state, answer(login, letters))).toMatchObject({
      state: { kind: 'run-update' },
      seen: 'login',
    });
  });

  it('answers a login at the port of the invitation on an ESP8266, at its own on an ESP32', () => {
    for (const [chip, to] of [
      ['esp8266', HOST],
      ['esp32', HOST_AGAIN],
    ] as const) {
      const listener = { chip, login: secret };
      const { state } = hear(listener, idle, INVITATION);
      const wrong = hear(listener, state, `200 ${'0'.repeat(32)} ${'0'.repeat(32)}\n`, HOST_AGAIN);
      expect(wrong).toEqual({ state: idle, reply: { to, text: 'Authentication Failed' }, seen: 'wrong-login' });
      const right = hear(listener, state, answer(secret, 32), HOST_AGAIN);
      expect(right.state).toMatchObject({ kind: 'run-update', host: to });
    }
  });

  it('swallows whatever is no login while it waits for one, and is idle again', () => {
    const listener = { chip: 'esp8266', login: secret } as const;
    const { state } = hear(listener, idle, INVITATION);
    const swallowed = hear(listener, state, INVITATION);
    expect(swallowed).toEqual({ state: idle, reply: null, seen: 'swallowed' });
    expect(hear(listener, swallowed.state, answer(secret, 32))).toEqual({ state: idle, reply: null, seen: 'ignored' });
    expect(hear(listener, swallowed.state, INVITATION).reply?.text).toMatch(/^AUTH /);
  });

  it('drops a login of the wrong lengths without a word', () => {
    const listener = { chip: 'esp32', login: secret256 } as const;
    const { state } = hear(listener, idle, INVITATION);
    expect(hear(listener, state, answer(secret, 32))).toEqual({ state: idle, reply: null, seen: 'swallowed' });
  });

  it('hears nothing while it updates', () => {
    const listener = { chip: 'esp8266', login: null } as const;
    const { state } = hear(listener, idle, INVITATION);
    expect(hear(listener, state, INVITATION)).toEqual({ state, reply: null, seen: 'ignored' });
  });
});
