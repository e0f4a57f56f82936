import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readInvitation, readLoginAnswer } from '../../../src/simulator/datagram.ts';

const MD5 = '4017585f3b48f84452c923f34d479b5c';
const invitation = (text: string) => readInvitation(Buffer.from(text, 'latin1'));

describe('datagram', () => {
  it.each([
    ['with a line feed', `0 41793 300001 ${MD5}\n`],
    ['without a line end', `0 41793 300001 ${MD5}`],
    ['with carriage return and line feed', `0 41793 300001 ${MD5}\r\n`],
    ['with several blanks', `0  41793   300001 ${MD5}\n`],
  ])('reads an invitation %s', (_, text) => {
    expect(invitation(text)).toEqual({ command: 0, tcpPort: 41793, sizeBytes: 300001, md5: MD5 });
  });

  it('reads an invitation for a filesystem image', () => {
    expect(invitation(`100 1 2 ${MD5}\n`)?.command).toBe(100);
  });

  it.each([
    ['another command', `7 41793 300001 ${MD5}\n`],
    ['a login', `200 41793 300001 ${MD5}\n`],
    ['a short MD5', `0 41793 300001 ${MD5.slice(1)}\n`],
    ['a long MD5', `0 41793 300001 ${MD5}0\n`],
    ['a missing field', `0 41793 ${MD5}\n`],
    ['nothing', ''],
  ])('drops %s', (_, text) => {
    expect(invitation(text)).toBeNull();
  });

  it('takes a number of sixteen digits for 0, and keeps sixteen bits of the port', () => {
    expect(invitation(`0 1 1234567890123456 ${MD5}\n`)?.sizeBytes).toBe(0);
    expect(invitation(`0 65537 1 ${MD5}\n`)?.tcpPort).toBe(1);
  });

  it('reads a login, whatever its lengths', () => {
    expect(readLoginAnswer(Buffer.from('200 aa bb\n'))).toEqual({ cnonce: 'aa', response: 'bb' });
    expect(readLoginAnswer(Buffer.from('200\n'))).toEqual({ cnonce: '', response: '' });
    expect(readLoginAnswer(Buffer.from(`0 1 2 ${MD5}\n`))).toBeNull();
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const port = readInvitation(bytes)?.tcpPort ?? 0;
        readLoginAnswer(bytes);
        return port >= 0 && port <= 0xffff;
      }),
    );
  });
});
