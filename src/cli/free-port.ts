import { once } from 'node:events';
import { createServer } from 'node:net';

/** A TCP port of this machine that nobody uses at the moment, for a server that is to be started next. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
