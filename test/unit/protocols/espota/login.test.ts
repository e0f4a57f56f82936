import { describe, expect, it } from 'vitest';
import { answerChallenge, loginKinds, loginResponse } from '../../../../src/protocols/espota/login.ts';

const NONCE = '78377b525757b494427f89014f97d79928f3938d14eb51e20fb5dec9834eb304';
const CNONCE = '39b6bd4f2bfa336bf00c37bed108afda082f6fe23601bf8b81d71d4bed28f1c3';

describe('espota login', () => {
  it('answers an MD5 challenge', async () => {
    const challenge = { nonce: '7c9f2d0c8f5d4a1e9b3c6e7f8a901b2c', cnonce: '0f1e2d3c4b5a69788796a5b4c3d2e1f0' };
    expect(await loginResponse('md5', 'secret', challenge)).toBe('e5c6b791e8ed32f0007e039a0d20ec5d');
  });

  it('answers a SHA-256 challenge, from either stored hash', async () => {
    const challenge = { nonce: NONCE, cnonce: CNONCE };
    expect(await loginResponse('sha256', 'secret', challenge)).toBe(
      'b6f9494b671dd3dfb828041f628da49d8d85d7118fefdf0fb15f1cb5cde0330d',
    );
    expect(await loginResponse('sha256-of-md5', 'secret', challenge)).toBe(
      'e8a32d90b8258b66eaebb78c129f834317f8c07eeb995776bc536f8cd4c98e94',
    );
  });

  it('chooses by the length of the nonce', () => {
    expect(loginKinds('a'.repeat(32))).toEqual(['md5']);
    expect(loginKinds('a'.repeat(64))).toEqual(['sha256', 'sha256-of-md5']);
  });

  it('makes a cnonce of the length of the nonce, another each time', async () => {
    const first = await answerChallenge('md5', 'secret', 'a'.repeat(32));
    const second = await answerChallenge('md5', 'secret', 'a'.repeat(32));
    expect(first.cnonce).toMatch(/^[0-9a-f]{32}$/);
    expect(second.cnonce).not.toBe(first.cnonce);
    expect((await answerChallenge('sha256', 'secret', NONCE)).cnonce).toMatch(/^[0-9a-f]{64}$/);
  });
});
