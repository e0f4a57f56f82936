import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { askVersion, newsIn, saysVersion, textAt } from '../../../src/jobs/version-check.ts';
import { aDevice } from '../../fixtures/records.ts';

const servers: Server[] = [];
const device = aDevice({ address: '127.0.0.1', txt: { fw: '2.4.0' } });
const idle = new AbortController().signal;

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function portOf(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

describe('the version that a device says', () => {
  it('is asked for by HTTP: status, then a place in JSON', async () => {
    const port = await portOf(
      createHttpServer((request, response) => {
        response.statusCode = request.url === '/gone' ? 404 : 200;
        response.end('{"parts":[{"version":"2.4.0"}],"build":7}');
      }),
    );
    const ask = (path: string, json: string | null) =>
      askVersion(device, { by: 'http', url: `http://{address}:${port}${path}`, status: 200, json, match: '' }, idle);
    expect(await ask('/', 'parts[0].version')).toBe('2.4.0');
    expect(await ask('/', 'build')).toBe('7');
    expect(await ask('/', 'parts')).toBeNull();
    expect(await ask('/', null)).toContain('"2.4.0"');
    expect(await ask('/gone', null)).toBeNull();
  });

  it('is the first line of a TCP server', async () => {
    const port = await portOf(createServer((socket) => socket.end('gateway 2.4.0 ready\r\nlogin: ')));
    expect(await askVersion(device, { by: 'tcp', port, match: '' }, idle)).toBe('gateway 2.4.0 ready');
  });

  it('is nothing where nobody answers', async () => {
    const port = await portOf(createServer((socket) => socket.destroy()));
    expect(await askVersion(device, { by: 'tcp', port, match: '' }, idle)).toBeNull();
    expect(
      await askVersion(
        device,
        { by: 'http', url: `http://{address}:${port}/`, status: 200, json: null, match: '' },
        idle,
      ),
    ).toBeNull();
  });

  it('is a value of its TXT record', async () => {
    expect(await askVersion(device, { by: 'mdns', key: 'fw', match: '' }, idle)).toBe('2.4.0');
    expect(await askVersion(device, { by: 'mdns', key: 'v', match: '' }, idle)).toBeNull();
  });
});

describe('a version', () => {
  const whole = String.raw`(?<![\d.]){version}(?![\w+-]|\.\w)`;
  it.each([
    ['2.4.0', true],
    ['fw v2.4.0, built today', true],
    ['It runs 2.4.0.', true],
    ['12.4.0', false],
    ['2.4.0.1', false],
    ['2.4.0-rc1', false],
    ['2x4x0', false],
  ])('2.4.0 in %j: %s', (text, expected) => expect(saysVersion(text, whole, '2.4.0')).toBe(expected));

  it('is taken letter by letter, whatever it holds', () => {
    expect(saysVersion('1.0+(x)', '^{version}$', '1.0+(x)')).toBe(true);
    expect(saysVersion('$& $1', '^{version}$', '$& $1')).toBe(true);
  });

  it('is not looked for in what is no JSON', () => expect(textAt('<html>', 'a.b')).toBeNull());
});

describe('a restart that nobody saw', () => {
  const check = { by: 'mdns', key: 'fw', match: '^{version}$' } as const;
  const saying = (said: string | null) => () => Promise.resolve(said);

  it('is shown by a version that the device did not have before', async () => {
    const news = (said: string | null) => newsIn(check, { expected: '2.0.0', before: '1.0.0' }, saying(said));
    expect(await news('2.0.0').saysNew?.(device, idle)).toBe(true);
    expect(await news('1.0.0').saysNew?.(device, idle)).toBe(false);
    expect(await news(null).saysNew?.(device, idle)).toBe(false);
  });

  it.each([
    [null, { expected: '2.0.0', before: '1.0.0' }],
    [check, { expected: null, before: '1.0.0' }],
    [check, { expected: '2.0.0', before: null }],
    [check, { expected: '2.0.0', before: '2.0.0' }],
  ])('is not shown with %j and %j', (where, versions) => {
    expect(newsIn(where, versions, saying('2.0.0'))).toEqual({});
  });
});
