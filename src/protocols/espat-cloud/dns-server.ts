import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { FlashError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { SERVER_NAME } from './constants.ts';
import { answerDns } from './dns.ts';

/** `servers.espat.dns` of the config, and who is told. */
export interface DnsServerOptions {
  /** The local address it listens on. */
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  /** The IPv4 address that modules are told. */
  readonly answer: string;
  readonly log: Logger;
}

/** Tells modules that ask it (AT+CIPDNS) that the update server is here. Knows the one name and forwards nothing. */
export class DnsServer {
  readonly kind = 'dns';
  readonly #options: DnsServerOptions;
  readonly #socket: Socket = createSocket({ type: 'udp4', reuseAddr: false });
  #isOpen = false;

  constructor(options: DnsServerOptions) {
    this.#options = options;
    const { log, answer } = options;
    this.#socket.on('message', (datagram, { address, port }) => {
      const reply = answerDns(datagram, SERVER_NAME, answer);
      if (reply === null) return;
      log.debug('espat.dns', { address });
      this.#socket.send(reply, port, address, () => undefined);
    });
  }

  /** The port it listens on. @throws FlashError LINK_NO_PORT */
  async listen(): Promise<number> {
    const { address, port } = this.#options;
    this.#socket.bind(port, address);
    try {
      await once(this.#socket, 'listening');
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
      throw new FlashError('LINK_NO_PORT', `cannot listen on UDP port ${port} of ${address} (${code})`, { cause });
    }
    this.#isOpen = true;
    // A network that reports a lost datagram is no reason to stop.
    this.#socket.on('error', () => undefined);
    return this.#socket.address().port;
  }

  /** Safe to call twice. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }
}
