import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldName, readQuery, readResponse } from '../../../src/discovery/dns-message.ts';
import { readTxt } from '../../../src/discovery/txt.ts';

function answer(record: object): object {
  return { answers: [{ class: 'IN', ttl: 120, flush: false, ...record }] };
}

describe('a decoded packet', () => {
  it('keeps the records of DNS-SD and no others', () => {
    const packet = {
      answers: [
        { class: 'IN', ttl: 120, name: 'x.local', type: 'A', data: '10.0.0.7' },
        { class: 'IN', ttl: 120, name: 'x.local', type: 'HINFO', data: { cpu: 'x' } },
        { class: 'CH', ttl: 120, name: 'x.local', type: 'A', data: '10.0.0.8' },
      ],
    };
    expect(readResponse(packet)).toEqual({
      answers: [{ name: 'x.local', ttl: 120, flush: false, type: 'A', address: '10.0.0.7' }],
      additionals: [],
      unfitCount: 0,
    });
  });

  it.each([
    ['a line feed', 'a\nb._arduino._tcp.local'],
    ['an escape sequence', '\u001b[31m._arduino._tcp.local'],
    ['a right-to-left override', 'a\u202eb._arduino._tcp.local'],
    ['bytes that are no UTF-8', 'a\uFFFD._arduino._tcp.local'],
    ['nothing', ''],
  ])('loses names with %s', (_, name) => {
    expect(readResponse(answer({ type: 'PTR', name: '_arduino._tcp.local', data: name }))).toMatchObject({
      answers: [],
      unfitCount: 1,
    });
  });

  it('loses services on port 0', () => {
    expect(readResponse(answer({ type: 'SRV', name: 'x', data: { target: 'h', port: 0 } })).unfitCount).toBe(1);
  });

  it('takes a query with proposed records for a probe', () => {
    const questions = [{ name: 'Sensor-1.local', type: 'ANY' }];
    expect(readQuery({ questions })).toEqual({
      questions: [{ name: 'sensor-1.local', type: 'ANY' }],
      isProbe: false,
      claims: [],
    });
    const authorities = [{ class: 'IN', ttl: 120, name: 'Sensor-1.local', type: 'A', data: '10.0.0.7' }, {}];
    expect(readQuery({ questions, authorities })).toMatchObject({
      isProbe: true,
      claims: [{ name: 'Sensor-1.local', type: 'A', address: '10.0.0.7' }],
    });
  });

  it('is read whatever it is', () => {
    fc.assert(
      fc.property(fc.anything(), (packet) => {
        readQuery(packet);
        readResponse(packet);
        readResponse({ answers: [packet], additionals: packet });
      }),
    );
  });
});

describe('names', () => {
  it('fold ASCII only', () => {
    expect(foldName('SENSOR-Ä')).toBe('sensor-Ä');
  });
});

describe('TXT strings', () => {
  const read = (...strings: string[]) => readTxt(strings.map((text) => Buffer.from(text)));

  it('become keys and values as in RFC 6763', () => {
    expect(read('board=d1_mini', 'Auth_Upload=yes', 'flag', 'empty=', '=novalue', '', 'a=b=c')).toEqual({
      board: 'd1_mini',
      auth_upload: 'yes',
      flag: '',
      empty: '',
      a: 'b=c',
    });
  });

  it('keep the first of equal keys', () => {
    expect(read('board=first', 'BOARD=second')).toEqual({ board: 'first' });
  });

  it('cannot reach into the object', () => {
    const values = read('__proto__=x', 'constructor=y');
    expect(Object.keys(values)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(values)).toBe(Object.prototype);
  });

  it('lose control characters and what is beyond 1300 bytes', () => {
    expect(read('board=a\u001b[2Jb')).toEqual({ board: 'a\uFFFD[2Jb' });
    const bomb = Array.from({ length: 2000 }, (_, index) => `k${index}=${'x'.repeat(200)}`);
    expect(Object.keys(read(...bomb)).length).toBeLessThan(10);
  });
});
