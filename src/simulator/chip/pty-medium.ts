import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostListener, Medium, PortAddress } from './medium.ts';
import { openPty, type PtyRelay } from './pty-relay.ts';

/** A pseudo-terminal: any serial program opens it. It carries a baud rate, and no control lines. */
export class PtyMedium implements Medium {
  readonly address: PortAddress;
  readonly hasLines = false;
  readonly #folder: string;
  readonly #path: string;
  readonly #host: HostListener;
  #relay: PtyRelay | null = null;
  #isClosed = false;

  private constructor(folder: string, host: HostListener) {
    this.#folder = folder;
    this.#path = join(folder, 'tty');
    this.address = { kind: 'pty', path: this.#path };
    this.#host = host;
  }

  /** Rejects where the system has no pseudo-terminals for us; see `ptyPrograms`. */
  static async open(host: HostListener): Promise<PtyMedium> {
    const medium = new PtyMedium(await mkdtemp(join(tmpdir(), 'dropflash-chip-')), host);
    try {
      await medium.plug();
    } catch (cause) {
      await medium.close();
      throw cause;
    }
    return medium;
  }

  deliver(bytes: Uint8Array): void {
    this.#relay?.write(bytes);
  }

  async unplug(): Promise<void> {
    const relay = this.#relay;
    this.#relay = null;
    await relay?.close();
  }

  async plug(): Promise<void> {
    const relay = await openPty(this.#path, {
      onOpen: () => this.#host.opened(),
      onBaudRate: (baudRate) => this.#host.baudRateSet(baudRate),
      onData: (bytes) => this.#host.received(bytes),
    });
    if (this.#isClosed) await relay.close();
    else this.#relay = relay;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.unplug();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
