import { execFile } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/clock.ts';
import { silentLogger } from '../../../../src/log.ts';
import { imageAnswer, lengthAnswer, versionAnswer } from '../../../../src/protocols/espat-cloud/answers.ts';
import { AtServer, type AtShelf } from '../../../../src/protocols/espat-cloud/server.ts';
import { buildUserImage } from '../../../fixtures/images.ts';
import { runs } from '../../../runs.ts';
import { downloadLine, moduleRequest, VERSION_LINE } from './given.ts';

const IMAGE = buildUserImage({ user: 2, codeBytes: 100_000 });
const run = promisify(execFile);

class Shelf implements AtShelf {
  readonly seen: string[] = [];
  readonly #ended = Promise.withResolvers<string>();
  readonly ended = this.#ended.promise;

  version = async (): Promise<string | null> => 'v1.23';
  file = async ({ file }: { file: string }): Promise<Uint8Array | null> => (file === 'user2.bin' ? IMAGE : null);
  began = () => ({
    progress: (bytes: number) => void this.seen.push(String(bytes)),
    whole: () => this.#ended.resolve('whole'),
    broken: (bytes: number, reason: string) => this.#ended.resolve(`broken at ${bytes}: ${reason}`),
  });
}

const servers: AtServer[] = [];

async function serve(shelf: AtShelf = new Shelf(), requestMs = 5_000): Promise<number> {
  const address = '127.0.0.1';
  const server = new AtServer({
    address,
    port: 0,
    connections: 64,
    shelf,
    clock: systemClock,
    log: silentLogger,
    requestMs,
  });
  servers.push(server);
  return server.listen();
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** All that comes back, and whether it ended with a reset. */
function ask(
  port: number,
  pieces: readonly (string | Uint8Array)[],
  halfClose = false,
): Promise<{ bytes: Buffer; isReset: boolean }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => {
      socket.setNoDelay(true);
      for (const piece of pieces) socket.write(piece);
      if (halfClose) socket.end();
    });
    socket.on('data', (chunk) => chunks.push(chunk));
    // A module hangs up when it has all; here the server's end is waited for, or the length.
    socket.on('end', () => socket.end());
    socket.on('error', () => resolve({ bytes: Buffer.concat(chunks), isReset: true }));
    socket.on('close', () => resolve({ bytes: Buffer.concat(chunks), isReset: false }));
  });
}

/** As a module: hangs up with the last byte that was announced. */
function download(port: number, line: string, stopAfter = Number.POSITIVE_INFINITY): Promise<Buffer> {
  return new Promise((resolve) => {
    let got = Buffer.alloc(0);
    const socket = connect(port, '127.0.0.1', () => socket.write(moduleRequest(line)));
    socket.on('data', (chunk) => {
      got = Buffer.concat([got, chunk]);
      const end = got.indexOf('\r\n\r\n') + 4;
      const length = Number(/Content-Length: (\d+)/.exec(got.toString('latin1', 0, end))?.[1]);
      if (got.length >= stopAfter) socket.resetAndDestroy();
      else if (got.length >= end + length) socket.end();
    });
    socket.on('error', () => resolve(got));
    socket.on('close', () => resolve(got));
  });
}

describe('the update server', () => {
  it('answers the version question and hangs up', async () => {
    const port = await serve();
    const { bytes, isReset } = await ask(port, [moduleRequest(VERSION_LINE)]);
    expect({ bytes, isReset }).toEqual({ bytes: Buffer.from(versionAnswer('v1.23')), isReset: false });
  });

  it('answers HEAD with the length, and GET with the image, whole', async () => {
    const shelf = new Shelf();
    const port = await serve(shelf);
    expect((await ask(port, [moduleRequest(downloadLine('user2.bin', { method: 'HEAD' }))])).bytes).toEqual(
      Buffer.from(lengthAnswer(IMAGE.length)),
    );
    expect(await download(port, downloadLine('user2.bin'))).toEqual(Buffer.from(imageAnswer(IMAGE)));
    expect(await shelf.ended).toBe('whole');
    expect(Number(shelf.seen.at(-1))).toBe(IMAGE.length);
  });

  it('takes a request in pieces, and from a peer that has no more to say', async () => {
    const port = await serve();
    const request = moduleRequest(downloadLine('user2.bin'));
    const { bytes } = await ask(port, [request.slice(0, 30), request.slice(30)], true);
    expect(bytes).toEqual(Buffer.from(imageAnswer(IMAGE)));
  });

  it('notices a module that breaks off', async () => {
    const shelf = new Shelf();
    shelf.file = async () => new Uint8Array(30_000_000).fill(1);
    const port = await serve(shelf);
    await download(port, downloadLine('user2.bin'), 50_000);
    expect(await shelf.ended).toMatch(/^broken at \d+: /);
  });

  it('resets without a byte what it has no image for, what it does not understand, and what never ends', async () => {
    const port = await serve(new Shelf(), 200);
    const nothing = { bytes: Buffer.alloc(0), isReset: true };
    expect(await ask(port, [moduleRequest(downloadLine('user1.bin'))])).toEqual(nothing);
    expect(await ask(port, ['GET /favicon.ico HTTP/1.1\r\n\r\n'])).toEqual(nothing);
    expect(await ask(port, ['GET /user2.bin HTTP/1.1\r\n'])).toEqual(nothing);
    expect(await ask(port, ['GET /user2.bin HTTP/1.1\r\n'], true)).toEqual(nothing);
  });

  it('resets a shelf that fails or is empty-handed', async () => {
    const shelf = new Shelf();
    shelf.file = async () => Promise.reject(new Error('gone'));
    expect((await ask(await serve(shelf), ['GET /user2.bin HTTP/1.1\r\n\r\n'])).bytes).toHaveLength(0);
    shelf.file = async () => new Uint8Array();
    expect((await ask(await serve(shelf), ['GET /user2.bin HTTP/1.1\r\n\r\n'])).bytes).toHaveLength(0);
  });

  it('never has a body for anything but the questions of modules, whatever comes in whatever pieces', async () => {
    const port = await serve(new Shelf(), 150);
    const allowed = [versionAnswer('v1.23'), lengthAnswer(IMAGE.length), imageAnswer(IMAGE), new Uint8Array()];
    const token = fc.constantFrom(
      'GET',
      'HEAD',
      'POST',
      'PUT',
      'OPTIONS',
      ' ',
      '/',
      '/user2.bin',
      '/user1.bin',
      '/v1/device/rom/',
      '?action=download_rom',
      '&version=v1.23',
      '&filename=user2.bin',
      '&filename=nix.bin',
      'is_format_simple=true',
      ' HTTP/1.1',
      ' HTTP/1.0',
      '\r\n',
      '\r\n\r\n',
      'Content-Length: 5',
      'Range: bytes=0-1',
      'Expect: 100-continue',
      'Upgrade: h2c',
      '\0',
      '%2e',
      '..',
    );
    const piece = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.array(token, { maxLength: 12 }).map((parts) => Buffer.from(parts.join(''), 'latin1')),
      },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
      {
        weight: 1,
        arbitrary: fc
          .constantFrom(VERSION_LINE, downloadLine('user2.bin'))
          .map((line) => Buffer.from(moduleRequest(line))),
      },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(piece, { minLength: 1, maxLength: 3 }), { minLength: 12, maxLength: 12 }),
        async (all) => {
          const answers = await Promise.all(all.map((pieces) => ask(port, pieces, true)));
          for (const { bytes } of answers) {
            // A reset may cut what was allowed; it never adds to it.
            expect(allowed.some((one) => Buffer.from(one).subarray(0, bytes.length).equals(bytes))).toBe(true);
          }
        },
      ),
      runs(15),
    );
  });

  it('serves curl, and gives it nothing else', async () => {
    const url = `http://127.0.0.1:${await serve()}`;
    const curl = (...args: string[]) =>
      run('curl', ['-sS', '--max-time', '20', ...args], { encoding: 'buffer', maxBuffer: 1e7 }).then(
        ({ stdout }) => ({ code: 0, stdout }),
        (error: { code: number; stdout: Buffer }) => ({ code: error.code, stdout: error.stdout }),
      );
    if ((await curl('--version')).code !== 0) return;
    expect(await curl(`${url}/user2.bin`)).toEqual({ code: 0, stdout: Buffer.from(IMAGE) });
    const { stdout } = await curl('-I', `${url}/v1/device/rom/?action=download_rom&version=x&filename=user2.bin`);
    expect(stdout.toString()).toContain(`Content-Length: ${IMAGE.length}`);
    // 52 an empty answer, 56 a reset: no byte of a page either way.
    expect(await curl(`${url}/user1.bin`)).toMatchObject({ code: expect.toBeOneOf([52, 56]), stdout: Buffer.alloc(0) });
    expect(await curl('-d', 'x=1', `${url}/user2.bin`)).toMatchObject({ stdout: Buffer.alloc(0) });
  });
});
