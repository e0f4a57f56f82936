import { FlashError } from '../../errors.ts';
import type { SerialPortFacts } from '../../model/device.ts';
import type { PortRange } from '../../model/fields.ts';
import { SERVER_PORT } from '../espat-cloud/constants.ts';
import { type AtFiles, readAtFiles } from '../espat-cloud/files.ts';
import type { AtServer } from '../espat-cloud/server.ts';
import type { FlashReport, FlashRequest } from '../protocol.ts';
import { acceptsAtImage } from './acceptance.ts';
import { confirm } from './confirm.ts';
import { BAUD_RATES } from './constants.ts';
import { AtDialog, mustDo } from './dialog.ts';
import { identify, type Module, refuseOtherFirmware } from './identify.ts';
import { ensureJoined, setting } from './join.ts';
import { type EspatSerialOptions, readOptions, type Way } from './options.ts';
import { OwnShelf, openOwnServer } from './own-server.ts';
import { chooseWay, ciupdate, type UpdateEnd, userOta, webServer } from './ways.ts';

const ANY_PORT: PortRange = { first: 0, last: 0 };
const FIXED_PORT: PortRange = { first: SERVER_PORT, last: SERVER_PORT };

/**
 * One update of a module on a port: find it, join, let it fetch, see it come back, and ask it again. The outcome is what it says it
 * runs, never its `OK`.
 *
 * `commit` is announced before the first byte of the image leaves this machine, or, where it comes from elsewhere, before the command
 * that makes the module fetch it.
 *
 * @throws FlashError; before `commit` also the signal's reason
 */
export async function flashEspatSerial(request: FlashRequest, signal: AbortSignal): Promise<FlashReport> {
  const { clock, links, observer, log } = request;
  const startMs = clock.monotonic();
  signal.throwIfAborted();
  const options = readOptions(request.options);
  const port = portOf(request);
  const files = readAtFiles(request.image, options.flashMap);
  observer.onStep('prepare');
  const link = await links.openSerial({ path: port.path, baudRate: options.baudRate ?? BAUD_RATES[0] });
  const safe = new SafePoint(signal, () => observer.onStep('commit'));
  try {
    const dialog = new AtDialog(link, clock, log, safe.signal);
    const module = await identify(dialog, options);
    log.info('espat.module', { port: port.path, version: module.version.text, baudRate: module.baudRate });
    const sentBytes = await new Update(request, { options, files, dialog, module, safe }).run();
    return { proof: 'accepted', sentBytes, elapsedMs: clock.monotonic() - startMs };
  } finally {
    safe.end();
    await link.close();
  }
}

function portOf({ device, image }: FlashRequest): SerialPortFacts {
  const acceptance = acceptsAtImage(device, image);
  if (acceptance.accepted && device.serial !== null) return device.serial;
  throw new FlashError('ESPAT_NOT_AT', acceptance.accepted ? 'no port' : acceptance.reason, { step: 'prepare' });
}

/** Passes an abort on until `commit`, and not from then on. */
class SafePoint {
  readonly #outer: AbortSignal;
  readonly #inner = new AbortController();
  readonly #announce: () => void;
  readonly #onAbort = () => {
    if (!this.hasCommitted) this.#inner.abort(this.#outer.reason);
  };
  hasCommitted = false;

  constructor(outer: AbortSignal, announce: () => void) {
    this.#outer = outer;
    this.#announce = announce;
    outer.addEventListener('abort', this.#onAbort);
  }

  get signal(): AbortSignal {
    return this.#inner.signal;
  }

  /** Safe to call again. */
  commit(): void {
    if (this.hasCommitted) return;
    this.#inner.signal.throwIfAborted();
    this.#announce();
    this.hasCommitted = true;
  }

  end(): void {
    this.#outer.removeEventListener('abort', this.#onAbort);
  }
}

interface UpdateContext {
  readonly options: EspatSerialOptions;
  readonly files: AtFiles;
  readonly dialog: AtDialog;
  readonly module: Module;
  readonly safe: SafePoint;
}

class Update {
  readonly #request: FlashRequest;
  readonly #context: UpdateContext;
  #shelf: OwnShelf | null = null;
  #sentBytes = 0;

  constructor(request: FlashRequest, context: UpdateContext) {
    this.#request = request;
    this.#context = context;
  }

  /** Resolves with the bytes that left this machine, when the module runs another firmware than before. */
  async run(): Promise<number> {
    const { options, files, dialog, module, safe } = this.#context;
    const { version } = module;
    refuseOtherFirmware(version, files);
    const way = chooseWay(version, options);
    const address = await ensureJoined(dialog, version, options);
    if (options.dns !== null)
      await mustDo(dialog, `${setting('AT+CIPDNS', version)}=1,"${options.dns}"`, options.answerWithinMs);
    this.#request.observer.onStep('write');
    const { end, cause } = await this.#update(way, address);
    if (!safe.hasCommitted) throw cause ?? silence(options.updateWithinMs);
    const couldHaveAll = this.#shelf === null || this.#shelf.isSentWhole;
    await confirm({ dialog, options, before: module, end, cause, couldHaveAll });
    return this.#shelf?.sentBytes ?? this.#sentBytes;
  }

  /** How it ended by the module's words, or the error that it ended with: what that is worth is seen afterwards. */
  async #update(way: Exclude<Way, 'auto'>, address: string): Promise<{ end: UpdateEnd | null; cause: unknown }> {
    try {
      return { end: way === 'webserver' ? await this.#post(address) : await this.#fetch(way, address), cause: null };
    } catch (cause) {
      return { end: null, cause };
    }
  }

  async #fetch(way: 'ciupdate' | 'userota', address: string): Promise<UpdateEnd | null> {
    const { options, safe } = this.#context;
    if (!options.isServed) {
      if (way === 'userota' && options.url === null) {
        throw new FlashError('ESPAT_NO_SERVER', 'AT+USEROTA needs "url" where the image is not served from here', {
          step: 'prepare',
        });
      }
      safe.commit();
      return this.#ask(way, options.url ?? '');
    }
    const { server, url } = await this.#serve(way, address);
    try {
      return await this.#ask(way, url);
    } finally {
      await server.close();
    }
  }

  #ask(way: 'ciupdate' | 'userota', url: string): Promise<UpdateEnd | null> {
    const { dialog, options } = this.#context;
    const onReport = (report: number) => this.#request.log.info('espat.report', { report });
    const parts = { dialog, withinMs: options.updateWithinMs, visit: this.#shelf, onReport };
    return way === 'ciupdate' ? ciupdate(parts) : userOta(parts, url);
  }

  async #serve(way: 'ciupdate' | 'userota', moduleAddress: string): Promise<{ server: AtServer; url: string }> {
    const { options, files, safe } = this.#context;
    const { clock, log, observer } = this.#request;
    const address = options.localAddress ?? (await this.#localAddress(moduleAddress));
    const shelf = new OwnShelf(
      files,
      moduleAddress,
      () => safe.commit(),
      (sent, total) => observer.onProgress(sent, total),
    );
    this.#shelf = shelf;
    const ports = options.listen ?? (way === 'ciupdate' ? FIXED_PORT : ANY_PORT);
    const { server, port } = await openOwnServer(ports, { address, shelf, clock, log });
    return { server, url: `http://${address}:${port}/ota.bin` };
  }

  /** The address that this machine has towards the module. */
  async #localAddress(moduleAddress: string): Promise<string> {
    const route = await this.#request.links.openDatagram({ address: moduleAddress, port: SERVER_PORT });
    route.close();
    return route.localAddress;
  }

  #post(address: string): Promise<UpdateEnd | null> {
    const { dialog, options, files, safe } = this.#context;
    const { observer } = this.#request;
    const [image = new Uint8Array()] = files.files.values();
    return webServer({
      dialog,
      withinMs: options.updateWithinMs,
      visit: null,
      onReport: () => undefined,
      address,
      port: options.webPort,
      image,
      signal: safe.signal,
      onBegin: () => safe.commit(),
      onProgress: (sentBytes) => {
        this.#sentBytes = sentBytes;
        observer.onProgress(sentBytes, image.length);
      },
    });
  }
}

function silence(withinMs: number): FlashError {
  const message = `the module said neither OK nor ERROR within ${Math.round(withinMs / 1000)} s, and fetched nothing`;
  return new FlashError('ESPAT_SILENT', message, { step: 'write' });
}
