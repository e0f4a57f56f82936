import { Resolver } from 'node:dns/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/log.ts';
import { answerDns } from '../../../../src/protocols/espat-cloud/dns.ts';
import { DnsServer } from '../../../../src/protocols/espat-cloud/dns-server.ts';

const NAME = 'iot.espressif.cn';

/** A question for one name, type A and class IN unless told otherwise. */
function ask(name: string, type = 1): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1'));
  const header = Buffer.from([0x12, 0x67, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, type, 0, 1])]);
}

describe('the DNS answerer', () => {
  it('tells a resolver its one address, and no other name', async () => {
    const server = new DnsServer({ address: '127.0.0.1', port: 0, answer: '127.0.0.9', log: silentLogger });
    const port = await server.listen();
    try {
      const resolver = new Resolver({ timeout: 5_000, tries: 2 });
      resolver.setServers([`127.0.0.1:${port}`]);
      expect(await resolver.resolve4(NAME)).toEqual(['127.0.0.9']);
      expect(await resolver.resolve4('IoT.Espressif.CN')).toEqual(['127.0.0.9']);
      await expect(resolver.resolve6(NAME)).rejects.toMatchObject({ code: 'ENODATA' });
      await expect(resolver.resolve4('example.org')).rejects.toMatchObject({ code: 'EREFUSED' });
    } finally {
      await server.close();
    }
  });

  it('repeats identifier and question', () => {
    const question = ask(NAME);
    const answer = Buffer.from(answerDns(question, NAME, '10.0.0.7') ?? []);
    expect(answer.subarray(0, 2)).toEqual(question.subarray(0, 2));
    expect(answer.subarray(12, question.length)).toEqual(question.subarray(12));
    expect([...answer.subarray(-4)]).toEqual([10, 0, 0, 7]);
  });

  it('never answers an answer, and survives anything', () => {
    const own = answerDns(ask(NAME), NAME, '10.0.0.7') ?? new Uint8Array();
    expect(answerDns(own, NAME, '10.0.0.7')).toBeNull();
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc.tuple(fc.nat(33), fc.nat(255)).map(([at, byte]) => Buffer.from(ask(NAME)).fill(byte, at, at + 1)),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        const answer = answerDns(bytes, NAME, '10.0.0.7');
        return answer === null || answer.length <= bytes.length + 16;
      }),
    );
  });
});
