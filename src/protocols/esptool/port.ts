import { type Clock, sleep } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { SerialPortFacts } from '../../model/device.ts';
import { ESPRESSIF_VENDOR, ROM_USB_OTG, USB_SERIAL_JTAG } from '../../model/usb-ids.ts';
import type { Links } from '../../transports/links.ts';
import type { ResetSequence } from '../../transports/reset-lines.ts';
import { ROM_BAUD_RATE } from './constants.ts';
import { FrameLink } from './frames.ts';

/** What is at the other end of the cable: an adapter, or the chip itself. */
export type PortKind = 'bridge' | 'usb-jtag' | 'usb-otg';

const OTG_PRODUCTS: readonly number[] = Object.values(ROM_USB_OTG);

/** How long a port that went away with a reset may take to come back. */
const RETURN_LIMIT_MS = 5_000;
const RETURN_POLL_MS = 100;

function portKind({ usb }: SerialPortFacts): PortKind {
  if (usb?.vendorId !== ESPRESSIF_VENDOR) return 'bridge';
  if (usb.productId === USB_SERIAL_JTAG) return 'usb-jtag';
  return OTG_PRODUCTS.includes(usb.productId) ? 'usb-otg' : 'bridge';
}

/** Which port is opened, and how. */
export interface ChipPortSettings {
  readonly port: SerialPortFacts;
  readonly links: Pick<Links, 'openSerial'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The port of one session, which may be opened again under way. */
export class ChipPort {
  readonly path: string;
  readonly kind: PortKind;
  /** What got this board into download mode before; null: nothing yet, no reset was needed, or none can be done. */
  provenReset: ResetSequence | null = null;
  readonly #settings: ChipPortSettings;
  #frames: FrameLink;

  static async open(settings: ChipPortSettings): Promise<ChipPort> {
    return new ChipPort(settings, await openFrames(settings));
  }

  private constructor(settings: ChipPortSettings, frames: FrameLink) {
    this.path = settings.port.path;
    this.kind = portKind(settings.port);
    this.#settings = settings;
    this.#frames = frames;
  }

  get frames(): FrameLink {
    return this.#frames;
  }

  /** Whether the chip can be told another rate, and the port as well. Native USB has none. */
  get hasBaudRate(): boolean {
    return this.kind === 'bridge' && this.#frames.link.hasBaudRate;
  }

  reachedBy(sequence: ResetSequence | null, hasLines: boolean): void {
    this.provenReset = hasLines ? sequence : null;
  }

  /** After a reset of a chip that is itself the USB device: opens the port again where it went away. */
  async awaitReturn(): Promise<void> {
    try {
      await this.#frames.listen(RETURN_POLL_MS);
    } catch (error) {
      if (!(error instanceof FlashError) || error.code !== 'SERIAL_PORT_LOST') throw error;
      await this.reopen(error);
    }
  }

  /**
   * Opens the port again after it went away.
   *
   * @throws FlashError `loss` when it does not come back
   */
  async reopen(loss: FlashError): Promise<void> {
    const { clock, signal } = this.#settings;
    const endMs = clock.monotonic() + RETURN_LIMIT_MS;
    await this.close();
    for (;;) {
      await sleep(clock, RETURN_POLL_MS, signal);
      try {
        this.#frames = await openFrames(this.#settings);
        return;
      } catch (error) {
        if (!(error instanceof FlashError) || clock.monotonic() > endMs) throw loss;
      }
    }
  }

  close(): Promise<void> {
    return this.#frames.link.close();
  }
}

async function openFrames({ port, links, clock, signal }: ChipPortSettings): Promise<FrameLink> {
  signal.throwIfAborted();
  const link = await links.openSerial({ path: port.path, baudRate: ROM_BAUD_RATE });
  return new FrameLink(link, clock, signal);
}
