import { describe, expect, it } from 'vitest';
import { expectedResponse, hexDigest, loginFromPassword, makeNonce } from '../../../src/simulator/login.ts';

/** Worked out with Python's hashlib from the sums of esp8266/Arduino and arduino-esp32 3.3.1. */
const MD5_CHALLENGE = {
  nonce: '7c9f2d0c8f5d4a1e9b3c6e7f8a901b2c',
  cnonce: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
};
const SHA256_CHALLENGE = {
  nonce: '78377b525757b494427f89014f97d79928f3938d14eb51e20fb5dec9834eb304',
  cnonce: '39b6bd4f2bfa336bf00c37bed108afda082f6fe23601bf8b81d71d4bed28f1c3',
};

describe('login', () => {
  it('stores the hash of the core', () => {
    expect(loginFromPassword('md5', 'secret').storedHash).toBe('5ebe2294ecd0e0f08eab7690d2a6ee69');
    expect(loginFromPassword('sha256', 'secret').storedHash).toBe(
      '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b',
    );
  });

  it('expects the MD5 response of an ESP8266 and of arduino-esp32 up to 3.3.0', () => {
    const { nonce, cnonce } = MD5_CHALLENGE;
    expect(expectedResponse(loginFromPassword('md5', 'secret'), nonce, cnonce)).toBe(
      'e5c6b791e8ed32f0007e039a0d20ec5d',
    );
  });

  it('expects the PBKDF2 response of arduino-esp32 from 3.3.1', () => {
    const { nonce, cnonce } = SHA256_CHALLENGE;
    expect(expectedResponse(loginFromPassword('sha256', 'secret'), nonce, cnonce)).toBe(
      'b6f9494b671dd3dfb828041f628da49d8d85d7118fefdf0fb15f1cb5cde0330d',
    );
  });

  it('expects the PBKDF2 response over an MD5 hash where the sketch stores one', () => {
    const { nonce, cnonce } = SHA256_CHALLENGE;
    const login = { scheme: 'sha256', storedHash: hexDigest('md5', 'secret') } as const;
    expect(expectedResponse(login, nonce, cnonce)).toBe(
      'e8a32d90b8258b66eaebb78c129f834317f8c07eeb995776bc536f8cd4c98e94',
    );
  });

  it('takes the stored hash letter by letter, upper case included', () => {
    const { nonce, cnonce } = MD5_CHALLENGE;
    const lower = loginFromPassword('md5', 'secret');
    const upper = { ...lower, storedHash: lower.storedHash.toUpperCase() };
    expect(expectedResponse(upper, nonce, cnonce)).not.toBe(expectedResponse(lower, nonce, cnonce));
  });

  it('makes nonces as long as the scheme wants them', () => {
    expect(makeNonce('md5', 12_345)).toBe(hexDigest('md5', '12345'));
    expect(makeNonce('sha256', 12_345)).toHaveLength(64);
  });
});
