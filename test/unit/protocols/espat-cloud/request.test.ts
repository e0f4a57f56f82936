import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRequest } from '../../../../src/protocols/espat-cloud/request.ts';
import { runs } from '../../../runs.ts';
import { downloadLine, moduleRequest, TOKEN, VERSION_LINE } from './given.ts';

const read = (text: string) => readRequest(Buffer.from(text, 'latin1'));

describe('a request', () => {
  it('is the version question', () => {
    expect(read(moduleRequest(VERSION_LINE))).toEqual({
      kind: 'question',
      question: { kind: 'version', token: TOKEN },
    });
    expect(read('GET /v1/device/rom/?is_format_simple=true HTTP/1.0\r\n\r\n')).toMatchObject({
      question: { kind: 'version', token: null },
    });
  });

  it.each(['user1.bin', 'user2.bin', 'ota.bin'])('is for %s, with any version', (file) => {
    const question = { kind: 'download', file, token: TOKEN, method: 'GET', version: 'v9.99' };
    expect(read(moduleRequest(downloadLine(file)))).toEqual({ kind: 'question', question });
    expect(read(moduleRequest(downloadLine(file, { method: 'HEAD', version: '' })))).toEqual({
      kind: 'question',
      question: { ...question, method: 'HEAD', version: '' },
    });
  });

  it('may be for the bare file, and carry the token in its path', () => {
    expect(read('GET /user2.bin HTTP/1.1\r\n\r\n')).toMatchObject({ question: { file: 'user2.bin', token: null } });
    const idf = 'GET /line-3/ota.bin HTTP/1.1\r\nHost: 10.0.0.1\r\nContent-Length: 0\r\n\r\n';
    expect(read(idf)).toMatchObject({ question: { file: 'ota.bin', token: 'line-3' } });
  });

  it.each([
    ['POST /user1.bin HTTP/1.1\r\n\r\n', 'another method'],
    ['GET /user3.bin HTTP/1.1\r\n\r\n', 'no such file'],
    ['GET /../user1.bin HTTP/1.1\r\n\r\n', 'a path that climbs'],
    ['GET /user1.bin?x=1 HTTP/1.1\r\n\r\n', 'a query that nobody sends'],
    ['GET /v1/device/rom/?is_format_simple=true&action=download_rom HTTP/1.1\r\n\r\n', 'both questions'],
    ['HEAD /v1/device/rom/?is_format_simple=true HTTP/1.0\r\n\r\n', 'the length of a version'],
    ['GET /v1/device/rom/?action=download_rom&filename=user1.bin HTTP/1.1\r\n\r\n', 'no version'],
    [
      'GET /v1/device/rom/?action=download_rom&version=1&filename=user1.bin&filename=user2.bin HTTP/1.1\r\n\r\n',
      'two files',
    ],
    ['GET /user1.bin HTTP/2.0\r\n\r\n', 'another protocol'],
    ['GET /user1.bin HTTP/1.1\r\nContent-Length: 3\r\n\r\n', 'a body'],
    ['GET /user1.bin HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n', 'a body in chunks'],
    ['GET /user1.bin HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 'a header twice'],
    ['GET /user1.bin HTTP/1.1\r\n folded\r\n\r\n', 'a folded header'],
    ['GET /user1.bin HTTP/1.1\r\n\r\nGET /user1.bin HTTP/1.1\r\n\r\n', 'a second request'],
    [`GET /${'a'.repeat(4000)}`, 'no end'],
  ])('%j is refused: %s', (text) => {
    expect(read(text).kind).toBe('refused');
  });

  it('is waited for as long as it may still come', () => {
    const text = moduleRequest(downloadLine('user1.bin'));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: text.length - 1 }), (length) => {
        expect(read(text.slice(0, length)).kind).toBe('incomplete');
      }),
    );
  });

  it('of any bytes at all gives a reading, and an answer only to what a module asks', () => {
    const mutated = fc.tuple(fc.nat(600), fc.uint8Array({ maxLength: 4 })).map(([at, bytes]) => {
      const request = Buffer.from(moduleRequest(downloadLine('user1.bin')), 'latin1');
      request.set(bytes.subarray(0, Math.max(0, request.length - at)), Math.min(at, request.length));
      return request;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 3000 }), mutated), (bytes) => {
        const reading = readRequest(bytes);
        if (reading.kind !== 'question') return;
        const [line] = Buffer.from(bytes).toString('latin1').split('\r\n');
        expect(line).toMatch(/^(GET|HEAD) \/(v1\/device\/rom\/\?|[^?]*(user[12]|ota)\.bin )/);
      }),
      runs(300),
    );
  });
});
