import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeQuery, encodeResponse } from '../../../src/simulator/mdns-packet.ts';

/** A PTR question for _arduino._tcp.local with the QU bit, written down by hand after RFC 1035, section 4.1. */
const QUERY = Buffer.from(
  '0000 0000 0001 0000 0000 0000 08 5f61726475696e6f 04 5f746370 05 6c6f63616c 00 000c 8001'.replaceAll(' ', ''),
  'hex',
);

describe('mDNS packet', () => {
  it('reads a question', () => {
    expect(decodeQuery(QUERY)).toEqual({
      id: 0,
      questions: [{ name: '_arduino._tcp.local', type: 12, wantsUnicast: true }],
      known: [],
    });
  });

  it('follows a pointer to an earlier name, and reads known answers', () => {
    const known = Buffer.from('c00c 000c 0001 00001194 0004 01 61 c00c'.replaceAll(' ', ''), 'hex');
    const query = Buffer.concat([QUERY, known]);
    query.writeUInt16BE(1, 6);
    expect(decodeQuery(query)?.known).toEqual([
      { name: '_arduino._tcp.local', target: 'a._arduino._tcp.local', ttlSeconds: 4500 },
    ]);
  });

  it('writes the records of a device byte for byte, names compressed', () => {
    const packet = encodeResponse({
      answers: [
        { type: 'PTR', name: '_x._tcp.local', target: 'a._x._tcp.local', ttlSeconds: 4500 },
        { type: 'SRV', name: 'a._x._tcp.local', target: 'a.local', port: 8266, ttlSeconds: 4500 },
        { type: 'TXT', name: 'a._x._tcp.local', strings: ['k=v'], ttlSeconds: 4500 },
        { type: 'A', name: 'a.local', address: '127.1.2.3', ttlSeconds: 120 },
      ],
    });
    const expected = [
      '0000 8400 0000 0004 0000 0000',
      '02 5f78 04 5f746370 05 6c6f63616c 00 000c 0001 00001194 0004 01 61 c00c',
      'c025 0021 8001 00001194 000a 0000 0000 204a 01 61 c014',
      'c025 0010 8001 00001194 0004 03 6b3d76',
      'c03b 0001 8001 00000078 0004 7f010203',
    ];
    expect(packet.toString('hex')).toBe(expected.join('').replaceAll(' ', ''));
  });

  it('takes any bytes for a query or for nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const query = decodeQuery(Buffer.from(bytes));
        return query === null || query.questions.length <= 0xffff;
      }),
    );
    const pointsAtItself = Buffer.concat([QUERY.subarray(0, 12), Buffer.from('c00c000c0001', 'hex')]);
    expect(decodeQuery(pointsAtItself)).toBeNull();
    expect(decodeQuery(Buffer.from('000084000000', 'hex'))).toBeNull();
  });
});
