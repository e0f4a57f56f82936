import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCommand, passivePort, ReplyReader } from '../../../../src/protocols/pycom-ftp/codec.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

function read(...chunks: readonly string[]) {
  const reader = new ReplyReader();
  return chunks.flatMap((chunk) => reader.push(bytes(chunk)));
}

describe('a command', () => {
  it('is one line', () => {
    expect(Buffer.from(encodeCommand('USER', 'micro')).toString()).toBe('USER micro\r\n');
    expect(Buffer.from(encodeCommand('PASV')).toString()).toBe('PASV\r\n');
  });
});

describe('replies', () => {
  it('are a code, and mostly no words', () => {
    expect(read('220 Micropython FTP Server\r\n331 \r\n', '230 \r\n', '226\r\n')).toEqual([
      { code: 220, text: 'Micropython FTP Server' },
      { code: 331, text: '' },
      { code: 230, text: '' },
      { code: 226, text: '' },
    ]);
  });

  it('may have several lines, of which the last counts', () => {
    expect(read('220-Welcome\r\n 220 not yet\r\n221 nor this\r\n220 done\r\n')).toEqual([{ code: 220, text: 'done' }]);
  });

  it('are told from what is none', () => {
    expect(read('SSH-2.0-OpenSSH_9.2\r\n')).toEqual([{ code: 0, text: 'SSH-2.0-OpenSSH_9.2' }]);
    expect(read('x'.repeat(3000))).toEqual([{ code: 0, text: 'x'.repeat(1024) }]);
  });

  it('do not depend on how they are cut', () => {
    const text = '220 Micropython FTP Server\r\n331 \r\n211-a\r\n b\r\n211 c\r\n226 \r\n';
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 8 }), (places) => {
        const cuts = [0, ...places.sort((a, b) => a - b), text.length];
        const chunks = cuts.slice(1).map((end, nth) => text.slice(cuts[nth], end));
        expect(read(...chunks)).toEqual(read(text));
      }),
    );
  });

  it('never throw, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (chunks) => {
        const reader = new ReplyReader();
        for (const reply of chunks.flatMap((chunk) => reader.push(chunk))) expect(reply.code).toBeLessThan(1000);
      }),
    );
  });
});

describe('the data port', () => {
  it.each([
    ['(192,168,4,1,7,232)', 2024],
    ['Entering Passive Mode (127,0,0,1,200,10).', 51_210],
    ['=192,168,4,1,0,21', 21],
  ])('stands in %s', (text, port) => expect(passivePort(text)).toBe(port));

  it.each(['', '(,)', '(192,168,4,1,7)', '(192,168,4,1,7,256)', '(192,168,4,1,0,0)'])('is not in "%s"', (text) => {
    expect(passivePort(text)).toBeNull();
  });
});
