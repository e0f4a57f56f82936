import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Place } from './fleet-process.ts';

/** As the uploader of the ESP32 core does it (arduino-esp32, tools/espota.py): this much, then a word of the device. */
const BLOCK_BYTES = 1024;
const REPLY_WITHIN_MS = 10_000;

/**
 * The peer of the comparison: the smallest sender that works, in lock step with the device. No login, no retries, no journal.
 * Resolves when the device has said `OK`.
 */
export async function sendInLockStep(place: Place, image: Uint8Array): Promise<void> {
  const server = createServer({ noDelay: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const connected = once(server, 'connection') as Promise<[Socket]>;
  const udp = createSocket('udp4');
  try {
    const { port } = server.address() as AddressInfo;
    const md5 = createHash('md5').update(image).digest('hex');
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
    udp.send(`0 ${port} ${image.length} ${md5}\n`, place.port, place.address);
    const [socket] = await connected;
    await send(socket, image);
    socket.destroy();
  } finally {
    udp.close();
    server.close();
  }
}

async function send(socket: Socket, image: Uint8Array): Promise<void> {
  const replies = new Replies(socket);
  for (let at = 0; at < image.length; at += BLOCK_BYTES) {
    socket.write(image.subarray(at, at + BLOCK_BYTES));
    await replies.next();
  }
  while (!replies.text.includes('OK')) await replies.next();
}

class Replies {
  text = '';
  readonly #socket: Socket;
  #read = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.text += bytes.toString('latin1');
    });
  }

  /** Resolves when at least one more byte has come since the last call. */
  async next(): Promise<void> {
    if (this.text.length === this.#read) {
      await once(this.#socket, 'data', { signal: AbortSignal.timeout(REPLY_WITHIN_MS) });
    }
    this.#read = this.text.length;
  }
}
