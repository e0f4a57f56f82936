import { connect, type Socket } from 'node:net';
import type { Generation } from './generations.ts';

/** Where the module believes the update server to be: what its DNS would have said, and the port it was built with. */
export interface ServerPlace {
  readonly host: string;
  readonly port: number;
}

/** How long the module waits in each step, milliseconds. */
export interface FetchTimes {
  readonly connectMs: number;
  readonly versionMs: number;
  readonly downloadMs: number;
}

/** What the module took for an image. */
export interface Received {
  readonly body: Buffer;
  /** Bytes of the last piece that arrived: where old libraries look for the CRC. */
  readonly lastSegmentBytes: number;
}

/** Product constant of a build: 40 hex digits. */
const MODULE_TOKEN = 'ba0446dd8d0e9ab6f0b2f7b3a7b1fbf8b1a0dc0b';

const FIRST_READ_BYTES = 1_024;

/** The TCP connection of a module; null where it is not accepted in time. */
export function openConnection({ host, port }: ServerPlace, withinMs: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: withinMs }, () => resolve(socket));
    socket.setNoDelay(true);
    const fail = () => {
      socket.destroy();
      resolve(null);
    };
    socket.once('error', fail);
    socket.once('timeout', fail);
  });
}

/** The first question, on an open connection; the answer as this generation understands it, or null. */
export async function askVersion(
  socket: Socket,
  { versionBy, family }: Generation,
  place: ServerPlace,
  times: FetchTimes,
): Promise<string | null> {
  socket.write(request('GET /v1/device/rom/?is_format_simple=true HTTP/1.0', family === 'esp-at', place, 'keep-alive'));
  const answer = await readAll(socket, times.versionMs, 4_096);
  return answer === null ? null : versionIn(answer.toString('latin1'), versionBy);
}

function versionIn(text: string, by: Generation['versionBy']): string | null {
  if (by === 'quotes') return /recommended_rom_version": "([^"]{0,11})"/.exec(text)?.[1] ?? null;
  const at = text.indexOf('rom_version": ');
  if (at === -1) return null;
  if (by === 'window' && !text.slice(0, FIRST_READ_BYTES).includes('status')) return null;
  const start = at + 'rom_version": '.length + 1;
  if (by === 'five-characters') return text.slice(start, start + 5);
  const end = text.indexOf('",', start);
  return end === -1 ? null : text.slice(start, end);
}

/** The image as a module of this generation gets it: null where it gives up. */
export async function download(
  { family, checks }: Generation,
  place: ServerPlace,
  { version, file }: { readonly version: string; readonly file: string },
  times: FetchTimes,
): Promise<Received | null> {
  const path = `/v1/device/rom/?action=download_rom&version=${version}&filename=${file} HTTP/1.1`;
  if (family === 'nonos' && !(await askLength(path, place, times))) return null;
  const socket = await openConnection(place, times.connectMs);
  if (socket === null) return null;
  socket.write(request(`GET ${path}`, family === 'esp-at', place, 'keep-alive'));
  return receive(socket, checks, times.downloadMs);
}

/** SDK 2.0 and later: HEAD on a connection of its own. */
async function askLength(path: string, place: ServerPlace, times: FetchTimes): Promise<boolean> {
  const socket = await openConnection(place, times.connectMs);
  if (socket === null) return false;
  socket.write(request(`HEAD ${path}`, false, place, 'close'));
  const answer = (await readAll(socket, times.versionMs, 4_096))?.toString('latin1') ?? '';
  return answer.startsWith('HTTP/1.1 200 OK') && Number(/Content-Length: (\d+)/.exec(answer)?.[1] ?? 0) > 0;
}

/** A GET of AT+USEROTA: `esp_http_client`. */
export async function fetchUrl(url: string, times: FetchTimes): Promise<Received | null> {
  const { hostname, port, pathname } = new URL(url);
  const place = { host: hostname, port: Number(port === '' ? 80 : port) };
  const socket = await openConnection(place, times.connectMs);
  if (socket === null) return null;
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nUser-Agent: ESP32 HTTP Client/1.0\r\nHost: ${hostname}:${place.port}\r\nContent-Length: 0\r\n\r\n`,
  );
  return receive(socket, true, times.downloadMs);
}

/**
 * The body. Without `checks`, as the libraries before SDK 2.0: status and content do not matter, and without a complete head in the
 * first segment everything is the image.
 */
function receive(socket: Socket, checks: boolean, withinMs: number): Promise<Received | null> {
  return new Promise((resolve) => {
    let all = Buffer.alloc(0);
    let lastSegmentBytes = 0;
    let bodyAt: number | null = null;
    let wanted = Number.POSITIVE_INFINITY;
    const end = (received: Received | null) => {
      socket.destroy();
      clearTimeout(timer);
      resolve(received);
    };
    const timer = setTimeout(() => end(null), withinMs);
    socket.on('data', (segment: Buffer) => {
      all = Buffer.concat([all, segment]);
      lastSegmentBytes = segment.length;
      if (bodyAt === null) {
        const headEnd = all.indexOf('\r\n\r\n');
        const length = /Content-Length: (\d+)/.exec(all.toString('latin1', 0, headEnd))?.[1];
        bodyAt = headEnd === -1 || length === undefined ? 0 : headEnd + 4;
        if (bodyAt > 0) wanted = Number(length);
      }
      if (all.length - bodyAt >= wanted) end({ body: all.subarray(bodyAt, bodyAt + wanted), lastSegmentBytes });
    });
    const gone = () => {
      const body = all.subarray(bodyAt ?? 0);
      end(!checks && wanted === Number.POSITIVE_INFINITY && body.length > 0 ? { body, lastSegmentBytes } : null);
    };
    socket.on('end', gone);
    socket.on('error', gone);
  });
}

/** Until the server hangs up. */
function readAll(socket: Socket, withinMs: number, mostBytes: number): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const end = (answer: Buffer | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end(null), withinMs);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => end(Buffer.concat(chunks).subarray(0, mostBytes)));
    socket.on('error', () => end(null));
  });
}

function request(line: string, isByName: boolean, { host }: ServerPlace, connection: string): string {
  const lines = [
    line,
    `Host: ${isByName ? 'iot.espressif.cn' : host}:80`,
    `Connection: ${connection}`,
    'Cache-Control: no-cache',
    'User-Agent: Mozilla/5.0 (Windows NT 5.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/30.0.1599.101 Safari/537.36 ',
    'Accept: */*',
    `Authorization: token ${MODULE_TOKEN}`,
    'Accept-Encoding: gzip,deflate,sdch',
    'Accept-Language: zh-CN,zh;q=0.8',
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}
