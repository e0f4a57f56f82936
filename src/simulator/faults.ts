import type { UpdateError } from './update-errors.ts';

/** Where in the image a transfer breaks, and how. */
export interface TransferBreak {
  /** After this many bytes of the image. */
  readonly atByte: number;
  /** `reset`: RST. `close`: FIN without a word. `hang`: neither reads nor writes any more until the host closes. */
  readonly how: 'reset' | 'close' | 'hang';
}

/** How a device comes back, or does not, after an update that it took. */
export type Comeback =
  | { readonly kind: 'new-image' }
  /** The bootloader finds the new image bad and starts the former one. */
  | { readonly kind: 'old-image' }
  | { readonly kind: 'never' }
  | { readonly kind: 'moved'; readonly address: string; readonly port: number }
  /** It crashes so long after each start, and starts again. An update that is under way ends first. */
  | { readonly kind: 'loops'; readonly afterMs: number }
  /** It is gone so long after each start, until somebody switches it on. An update that is under way ends first. */
  | { readonly kind: 'vanishes'; readonly afterMs: number }
  /** `setRebootOnSuccess(false)`: it stays on the network, and on its former image until it is switched off and on. */
  | { readonly kind: 'no-restart' };

/** What goes wrong with a device. Every field may be combined with every other; none means a healthy device. */
export interface Faults {
  /** The n-th datagrams to and from the device that get lost, counted from 1. */
  readonly loseIncoming?: readonly number[];
  readonly loseOutgoing?: readonly number[];
  /** Sent in place of `OK`, `AUTH …` and every other UDP reply. */
  readonly udpReply?: string;
  /** It says `OK` and never connects, as behind a firewall. */
  readonly noDialBack?: boolean;
  /** Another address connects to the host's port first, and says `OK` there. */
  readonly strangerAddress?: string;
  readonly transfer?: TransferBreak;
  /** `split`: a byte at a time. `joined`: held back for a moment and sent together. */
  readonly replies?: 'split' | 'joined';
  /** Printed in place of each byte count. */
  readonly chatter?: string;
  /** Printed over and over from the connect on, while the image is ignored. */
  readonly endlessText?: string;
  /** The sector with this byte cannot be written. */
  readonly badByte?: number;
  /** The device adds up another MD5 than the host. */
  readonly wrongChecksum?: boolean;
  /** Refused before the first byte: a text by UDP on an ESP8266, silence after `OK` on an ESP32. */
  readonly refusesToBegin?: UpdateError;
  /** Refused after the last byte. */
  readonly refusesToEnd?: UpdateError;
  /** The image is taken and started, but the connection ends so before `OK` is said. */
  readonly okLost?: 'close' | 'reset';
  readonly comeback?: Comeback;
  /** `comeback` is what images of this version do; all others come back as they should. */
  readonly badVersion?: string;
  /** On the network for `awakeMs` in every `everyMs`, freshly started each time. Finishes an update before it sleeps. */
  readonly asleep?: { readonly awakeMs: number; readonly everyMs: number };
  /** The faults of an upload (all from `noDialBack` to `okLost`) strike that many uploads only, then the device is healthy. */
  readonly uploads?: number;
}

/** How the device comes back with this application; null: the one it was made with. */
export function comebackOf(
  { comeback, badVersion }: Faults,
  image: { readonly version: string | null } | null,
): Comeback {
  const isBad = image !== null && (badVersion === undefined || image.version === badVersion);
  return isBad && comeback !== undefined ? comeback : { kind: 'new-image' };
}

/** The faults that apply to the n-th upload, counted from 1. */
export function faultsOfUpload(faults: Faults, nth: number): Faults {
  if (faults.uploads === undefined || nth <= faults.uploads) return faults;
  const { loseIncoming, loseOutgoing, udpReply, comeback, badVersion, asleep } = faults;
  return {
    ...(loseIncoming && { loseIncoming }),
    ...(loseOutgoing && { loseOutgoing }),
    ...(udpReply && { udpReply }),
    ...(comeback && { comeback }),
    ...(badVersion !== undefined && { badVersion }),
    ...(asleep && { asleep }),
  };
}
