import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeReply, encodeInvitation, encodeLogin, printable } from '../../../../src/protocols/espota/codec.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

describe('espota datagrams', () => {
  it('writes the invitation with one space and a line end, MD5 in lower case', () => {
    const invitation = {
      command: 0,
      tcpPort: 41793,
      sizeBytes: 300001,
      md5: '4017585F3B48F84452C923F34D479B5C',
    } as const;
    expect(text(encodeInvitation(invitation))).toBe('0 41793 300001 4017585f3b48f84452c923f34d479b5c\n');
    expect(text(encodeInvitation({ ...invitation, command: 100 }))).toMatch(/^100 41793 /);
  });

  it('writes the login', () => {
    expect(text(encodeLogin({ cnonce: 'c0ffee', response: 'beef' }))).toBe('200 c0ffee beef\n');
  });

  it.each([
    ['OK', { kind: 'ok' }],
    ['OK\r\n', { kind: 'ok' }],
    ['Authentication Failed', { kind: 'auth-failed' }],
    [`AUTH ${'a'.repeat(32)}`, { kind: 'auth', nonce: 'a'.repeat(32) }],
    [`AUTH ${'0123456789abcdef'.repeat(4)}\n`, { kind: 'auth', nonce: '0123456789abcdef'.repeat(4) }],
    [`AUTH ${'a'.repeat(33)}`, { kind: 'unknown', words: `AUTH ${'a'.repeat(33)}` }],
    [`AUTH ${'g'.repeat(32)}`, { kind: 'unknown', words: `AUTH ${'g'.repeat(32)}` }],
    ['ERR: ERROR[4]: Not Enough Space\n', { kind: 'refused', words: 'ERROR[4]: Not Enough Space' }],
    ['OKAY', { kind: 'unknown', words: 'OKAY' }],
    ['', { kind: 'unknown', words: '' }],
  ])('reads %j', (datagram, reply) => {
    expect(decodeReply(Buffer.from(datagram, 'latin1'))).toEqual(reply);
  });

  it('reads any datagram, and makes one safe line of any words', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (datagram) => {
        const reply = decodeReply(datagram);
        const line = printable('words' in reply ? reply.words : '');
        expect(line).toMatch(/^[ -~]*…?$/);
        expect(line.length).toBeLessThanOrEqual(801);
      }),
    );
  });

  it('escapes what could forge a log line', () => {
    expect(printable('bad\n{"level":"error"}\u001b[31m')).toBe('bad\\x0a{"level":"error"}\\x1b[31m');
  });
});
