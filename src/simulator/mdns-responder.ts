import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Clock, Timer } from '../clock.ts';
import {
  decodeQuery,
  encodeProbe,
  encodeResponse,
  type KnownPointer,
  type Question,
  type Response,
} from './mdns-packet.ts';
import { InstanceRecords, type ServiceInstance } from './mdns-service.ts';

const MDNS_GROUP = '224.0.0.251';
const MDNS_PORT = 5353;
/** Nothing of a simulated fleet leaves the machine. */
const LOOPBACK = '127.0.0.1';
/** RFC 6762, section 8.1. */
const PROBES = 3;
/** RFC 6762, section 11. */
const MDNS_TTL = 255;
/** RFC 6762, section 6: answers that many devices may give wait for a random while. */
const SHARED_ANSWER_DELAY_MS = { min: 20, spread: 100 };
/** RFC 6762, section 6.7. */
const LEGACY_TTL_SECONDS = 10;
/** A fleet behind one socket must not overrun the receivers as no fleet of single devices could. */
const BURST_PACKETS = 24;
const BURST_PAUSE_MS = 2;

/** What the fleet's one mDNS socket is opened with. */
export interface ResponderOptions {
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** A device on the network, until it is withdrawn. */
export interface Publication {
  /** With `goodbye` it takes its leave (RFC 6762, section 10.1); real devices usually just vanish. */
  withdraw(how?: { readonly goodbye: boolean }): void;
}

interface Published {
  readonly records: InstanceRecords;
  readonly timers: Set<Timer>;
  readonly onAnnounced: () => void;
}

/** The mDNS responder of a whole fleet: one socket, on the loopback interface only. */
export class MdnsResponder {
  readonly #options: ResponderOptions;
  readonly #socket: Socket;
  readonly #byName = new Map<string, Set<Published>>();
  readonly #outbox: { readonly packet: Buffer; readonly port: number; readonly address: string }[] = [];
  #outboxTimer: Timer | null = null;
  #isClosed = false;

  private constructor(socket: Socket, options: ResponderOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('message', (packet, from) => this.#receive(packet, from));
  }

  /** Joins the group. Rejects with the system's error when port 5353 cannot be shared. */
  static async open(options: ResponderOptions): Promise<MdnsResponder> {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once('error', reject);
    socket.bind({ port: MDNS_PORT, address: '0.0.0.0' }, resolve);
    try {
      await promise;
      socket.addMembership(MDNS_GROUP, LOOPBACK);
      socket.setMulticastInterface(LOOPBACK);
      socket.setMulticastTTL(MDNS_TTL);
      socket.setMulticastLoopback(true);
    } catch (cause) {
      socket.close();
      throw cause;
    }
    socket.off('error', reject);
    // A send that fails is a packet lost, as on any network.
    socket.on('error', () => undefined);
    return new MdnsResponder(socket, options);
  }

  /** Probes for the instance's names, then announces it and answers for it. `onAnnounced`: for the first time. */
  publish(instance: ServiceInstance, onAnnounced: () => void = () => undefined): Publication {
    const records = new InstanceRecords(instance);
    const published: Published = { records, timers: new Set(), onAnnounced };
    this.#probe(published, instance, instance.probeEveryMs > 0 ? PROBES : 0);
    return {
      withdraw: ({ goodbye } = { goodbye: false }) => {
        for (const timer of published.timers) timer.cancel();
        const wasThere = this.#published(records.names[0] ?? '').has(published);
        for (const name of records.names) this.#published(name).delete(published);
        if (goodbye && wasThere) this.#multicast(encodeResponse(records.goodbye()));
      },
    };
  }

  /** Sends what still waits, then closes. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const publications of this.#byName.values()) {
      for (const { timers } of publications) for (const timer of timers) timer.cancel();
    }
    this.#outboxTimer?.cancel();
    const last = this.#outbox.splice(0).map((each) => this.#sendNow(each));
    await Promise.all(last);
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #published(name: string): Set<Published> {
    const found = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, found);
    return found;
  }

  #probe(published: Published, instance: ServiceInstance, left: number): void {
    const { records } = published;
    if (left === 0) {
      for (const name of records.names) this.#published(name).add(published);
      this.#announce(published, encodeResponse(records.announcement()), instance.announcements);
      published.onAnnounced();
      return;
    }
    const { names, records: claimed } = records.claim();
    this.#multicast(encodeProbe(names, claimed));
    this.#later(published, instance.probeEveryMs, () => this.#probe(published, instance, left - 1));
  }

  #announce(published: Published, packet: Buffer, { times, everyMs }: ServiceInstance['announcements']): void {
    this.#multicast(packet);
    if (times <= 1) return;
    this.#later(published, everyMs, () => this.#announce(published, packet, { times: times - 1, everyMs }));
  }

  #later(published: Published, delayMs: number, act: () => void): void {
    const timer = this.#options.clock.setTimer(delayMs, () => {
      published.timers.delete(timer);
      act();
    });
    published.timers.add(timer);
  }

  #receive(packet: Buffer, from: RemoteInfo): void {
    const query = decodeQuery(packet);
    if (query === null) return;
    for (const question of query.questions) {
      for (const published of this.#byName.get(question.name.toLowerCase()) ?? []) {
        const response = published.records.answer(question);
        if (response === null || isKnown(response, query.known)) continue;
        this.#reply(published, response, { question, id: query.id, from });
      }
    }
  }

  #reply(
    published: Published,
    response: Response,
    asked: { readonly question: Question; readonly id: number; readonly from: RemoteInfo },
  ): void {
    const { question, id, from } = asked;
    if (from.port !== MDNS_PORT) {
      this.#send({ packet: encodeResponse(asLegacy(response, question, id)), port: from.port, address: from.address });
      return;
    }
    const packet = encodeResponse(response);
    const isShared = response.answers.some(({ type }) => type === 'PTR');
    const { min, spread } = SHARED_ANSWER_DELAY_MS;
    const delayMs = isShared ? min + this.#options.random() * spread : 0;
    this.#later(published, delayMs, () => {
      // RFC 6762, section 5.4. Several programs may share port 5353, and unicast reaches one of them: multicast as well.
      if (question.wantsUnicast) this.#send({ packet, port: from.port, address: from.address });
      this.#multicast(packet);
    });
  }

  #multicast(packet: Buffer): void {
    this.#send({ packet, port: MDNS_PORT, address: MDNS_GROUP });
  }

  #send(parcel: { readonly packet: Buffer; readonly port: number; readonly address: string }): void {
    if (this.#isClosed) return;
    this.#outbox.push(parcel);
    this.#outboxTimer ??= this.#options.clock.setTimer(0, () => this.#sendBurst());
  }

  #sendBurst(): void {
    for (const parcel of this.#outbox.splice(0, BURST_PACKETS)) void this.#sendNow(parcel);
    this.#outboxTimer =
      this.#outbox.length > 0 ? this.#options.clock.setTimer(BURST_PAUSE_MS, () => this.#sendBurst()) : null;
  }

  #sendNow({ packet, port, address }: { packet: Buffer; port: number; address: string }): Promise<void> {
    return new Promise((resolve) => this.#socket.send(packet, port, address, () => resolve()));
  }
}

/** RFC 6762, section 7.1: the asker knows it for at least half of its life. */
function isKnown(response: Response, known: readonly KnownPointer[]): boolean {
  return response.answers.every(
    (answer) =>
      answer.type === 'PTR' &&
      known.some(
        ({ name, target, ttlSeconds }) =>
          name.toLowerCase() === answer.name.toLowerCase() &&
          target.toLowerCase() === answer.target.toLowerCase() &&
          ttlSeconds >= answer.ttlSeconds / 2,
      ),
  );
}

function asLegacy(response: Response, question: Question, id: number): Response {
  const shorten = (records: Response['answers']) =>
    records.map((record) => ({ ...record, ttlSeconds: Math.min(record.ttlSeconds, LEGACY_TTL_SECONDS) }));
  return { id, question, answers: shorten(response.answers), additional: shorten(response.additional ?? []) };
}
