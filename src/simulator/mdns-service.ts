import { escapeLabel, type MdnsRecord, type Question, RECORD_TYPE, type Response } from './mdns-packet.ts';

/** What one device says of itself. */
export interface ServiceInstance {
  /** Service type without underscore and domain: `arduino`. */
  readonly service: string;
  /** Instance and host name alike, as ArduinoOTA does it. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly txt: Readonly<Record<string, string>>;
  /** Distance of the three probes that come before the first announcement; 0: it does not probe. */
  readonly probeEveryMs: number;
  /** How often it is announced after it has been published, and at what distance. */
  readonly announcements: { readonly times: number; readonly everyMs: number };
  readonly srvTtlSeconds: number;
}

/** RFC 6762, section 10. */
const ADDRESS_TTL_SECONDS = 120;
const SERVICE_TTL_SECONDS = 4500;
/** RFC 6763, section 9. */
const META_QUERY = '_services._dns-sd._udp.local';

/** The records of one instance (RFC 6763), and which of them answer a question. Names are compared in lower case. */
export class InstanceRecords {
  readonly serviceName: string;
  readonly instanceName: string;
  readonly hostName: string;
  readonly #pointer: MdnsRecord;
  readonly #meta: MdnsRecord;
  readonly #srv: MdnsRecord;
  readonly #txt: MdnsRecord;
  readonly #a: MdnsRecord;

  constructor({ service, name, address, port, txt, srvTtlSeconds }: ServiceInstance) {
    this.serviceName = `_${service}._tcp.local`;
    this.instanceName = `${escapeLabel(name)}.${this.serviceName}`;
    this.hostName = `${escapeLabel(name)}.local`;
    this.#pointer = {
      type: 'PTR',
      name: this.serviceName,
      target: this.instanceName,
      ttlSeconds: SERVICE_TTL_SECONDS,
    };
    this.#meta = { type: 'PTR', name: META_QUERY, target: this.serviceName, ttlSeconds: SERVICE_TTL_SECONDS };
    this.#srv = { type: 'SRV', name: this.instanceName, target: this.hostName, port, ttlSeconds: srvTtlSeconds };
    const strings = Object.entries(txt).map(([key, value]) => `${key}=${value}`);
    this.#txt = { type: 'TXT', name: this.instanceName, strings, ttlSeconds: SERVICE_TTL_SECONDS };
    this.#a = { type: 'A', name: this.hostName, address, ttlSeconds: ADDRESS_TTL_SECONDS };
  }

  /** The names it answers for. */
  get names(): readonly string[] {
    return [META_QUERY, this.serviceName, this.instanceName, this.hostName].map((name) => name.toLowerCase());
  }

  /** Unasked-for (RFC 6762, section 8.3). */
  announcement(): Response {
    return { answers: [this.#pointer, this.#srv, this.#txt, this.#a] };
  }

  /** The names that are to be its own alone, and what it means to say of them (RFC 6762, section 8.1). */
  claim(): { readonly names: readonly string[]; readonly records: readonly MdnsRecord[] } {
    return { names: [this.instanceName, this.hostName], records: [this.#srv, this.#txt, this.#a] };
  }

  /** RFC 6762, section 10.1. */
  goodbye(): Response {
    return { answers: [this.#pointer, this.#srv, this.#txt, this.#a].map((record) => ({ ...record, ttlSeconds: 0 })) };
  }

  /** Null where there is nothing to say. Questions about the service bring everything else along. */
  answer(question: Question): Response | null {
    const wants = (type: number) => question.type === type || question.type === RECORD_TYPE.ANY;
    switch (question.name.toLowerCase()) {
      case META_QUERY:
        return wants(RECORD_TYPE.PTR) ? { answers: [this.#meta] } : null;
      case this.serviceName.toLowerCase():
        if (!wants(RECORD_TYPE.PTR)) return null;
        return { answers: [this.#pointer], additional: [this.#srv, this.#txt, this.#a] };
      case this.instanceName.toLowerCase(): {
        const answers = [
          ...(wants(RECORD_TYPE.SRV) ? [this.#srv] : []),
          ...(wants(RECORD_TYPE.TXT) ? [this.#txt] : []),
        ];
        return answers.length > 0 ? { answers, additional: [this.#a] } : null;
      }
      case this.hostName.toLowerCase():
        return wants(RECORD_TYPE.A) ? { answers: [this.#a] } : null;
      default:
        return null;
    }
  }
}
