import { once } from 'node:events';
import { connect } from 'node:net';
import type { FTPContext, FTPResponse } from 'basic-ftp';

/** `(h1,h2,h3,h4,p1,p2)`, with or without the brackets (RFC 959, section 4.2; RFC 1123, section 4.1.2.6). */
const PASSIVE_REPLY = /\d{1,3},\d{1,3},\d{1,3},\d{1,3},(\d{1,3}),(\d{1,3})/;

/**
 * PASV, with the data connection to the address that is spoken to: the one in the reply leads nowhere where the server is behind a NAT, and
 * a hostile server could name somebody else's. basic-ftp has one way that believes the reply and one that refuses any other address.
 */
export async function enterPassiveMode(ftp: FTPContext): Promise<FTPResponse> {
  const reply = await ftp.request('PASV');
  const [, high, low] = PASSIVE_REPLY.exec(reply.message) ?? [];
  if (high === undefined || low === undefined) throw new Error(`the answer to PASV has no port: ${reply.message}`);
  const host = ftp.socket.remoteAddress;
  if (host === undefined) throw new Error('the control connection is closed');
  const socket = connect({ host, port: Number(high) * 256 + Number(low), timeout: ftp.timeout });
  socket.once('timeout', () => socket.destroy(new Error('nobody answers on the data port')));
  await once(socket, 'connect');
  socket.setTimeout(0);
  ftp.dataSocket = socket;
  return reply;
}
