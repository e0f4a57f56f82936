import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeOption,
  encodeSubnegotiation,
  escapeIac,
  Telnet,
  TelnetDecoder,
} from '../../../src/transports/telnet.ts';

function decode(chunks: readonly Uint8Array[]) {
  const decoder = new TelnetDecoder();
  const events = chunks.flatMap((chunk) => decoder.push(chunk));
  const data = events.flatMap((event) => (event.kind === 'data' ? [...event.bytes] : []));
  return { data, others: events.filter(({ kind }) => kind !== 'data') };
}

/** Cuts `bytes` at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

describe('telnet', () => {
  it('gives back any data, in any chunking, between commands', () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.uint8Array(),
        fc.uint8Array(),
        fc.array(fc.nat()),
        (before, content, after, places) => {
          const wire = Buffer.concat([
            escapeIac(before),
            encodeOption(Telnet.DO, 44),
            encodeSubnegotiation(44, content),
            escapeIac(after),
          ]);
          const { data, others } = decode(cut(wire, places));
          expect(data).toEqual([...before, ...after]);
          expect(others).toEqual([
            { kind: 'option', verb: Telnet.DO, option: 44 },
            { kind: 'subnegotiation', option: 44, content },
          ]);
        },
      ),
    );
  });

  it('survives anything', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array()), (chunks) => void decode(chunks)));
  });

  it('passes over commands of two bytes', () => {
    const NOP = 241;
    expect(decode([Uint8Array.of(1, Telnet.IAC, NOP, 2)])).toEqual({ data: [1, 2], others: [] });
  });
});
