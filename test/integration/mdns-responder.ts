import { createSocket, type Socket } from 'node:dgram';
import {
  a,
  ptr,
  QUESTION_TYPES,
  query,
  readQuestions,
  response,
  srv,
  type TestRecord,
  txt,
} from '../unit/discovery/dns-bytes.ts';

const GROUP = '224.0.0.251';
const PORT = 5353;

export interface ResponderOptions {
  /** Unique per test: all tests of this machine share one loopback interface. */
  readonly service: string;
  readonly instance: string;
  readonly address: string;
  readonly port: number;
  readonly txt?: readonly string[];
  readonly addressTtl?: number;
}

/** A device on the loopback interface, as far as mDNS goes; answers like esp8266/Arduino's LEAmDNS. */
export class Responder {
  readonly options: ResponderOptions;
  /** Questions that concerned it, as `type name`. */
  readonly asked: string[] = [];
  answers = true;
  readonly #socket: Socket;

  constructor(options: ResponderOptions, socket: Socket) {
    this.options = options;
    this.#socket = socket;
    socket.on('message', (bytes) => this.#onMessage(bytes));
  }

  static async open(options: ResponderOptions): Promise<Responder> {
    return new Responder(options, await openGroupSocket());
  }

  get records(): { ptr: TestRecord; srv: TestRecord; txt: TestRecord; a: TestRecord } {
    const { service, instance, address, port, txt: strings = ['board=generic'], addressTtl = 120 } = this.options;
    const domain = `_${service}._tcp.local`;
    const fqdn = `${instance}.${domain}`;
    const host = `${instance}-${service}.local`;
    return {
      ptr: ptr(domain, fqdn),
      srv: srv(fqdn, host, port),
      txt: txt(fqdn, strings),
      a: a(host, address, addressTtl),
    };
  }

  /** Announces once; RFC 6762, section 8.3 wants it at least twice, a second apart. */
  announce(): Promise<void> {
    const { ptr: pointer, srv: service, txt: text, a: address } = this.records;
    return this.send(response([pointer, service, text, address]));
  }

  /** Asks for its own names once, as at a start; RFC 6762, section 8.1 wants it three times, a quarter of a second apart. */
  probe(): Promise<void> {
    const { srv: service, a: address } = this.records;
    const names = [service.name, address.name].map((name) => ({ name, type: 'ANY' as const }));
    return this.send(query(names, [service, address]));
  }

  goodbye(): Promise<void> {
    this.answers = false;
    return this.send(response([{ ...this.records.ptr, ttl: 0 }]));
  }

  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(bytes, PORT, GROUP, (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #onMessage(bytes: Buffer): void {
    const { ptr: pointer, srv: service, txt: text, a: address } = this.records;
    const answers = readQuestions(bytes).flatMap(({ name, type }) =>
      [pointer, service, text, address].filter(
        (record) => record.name.toLowerCase() === name.toLowerCase() && QUESTION_TYPES[record.type] === type,
      ),
    );
    if (answers.length === 0) return;
    for (const { name, type } of answers) this.asked.push(`${type} ${name}`);
    const additionals = [service, text, address].filter((record) => !answers.includes(record));
    if (this.answers) void this.send(response(answers, additionals));
  }
}

/** A socket in the mDNS group, on the loopback interface only. */
export function openGroupSocket(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(PORT, '0.0.0.0', () => {
      socket.addMembership(GROUP, '127.0.0.1');
      socket.setMulticastInterface('127.0.0.1');
      socket.setMulticastLoopback(true);
      resolve(socket);
    });
  });
}
