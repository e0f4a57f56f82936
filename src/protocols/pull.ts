import type { Clock } from '../clock.ts';
import type { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Fields, OptionValues } from '../model/fields.ts';
import type { FirmwareImage } from '../model/image.ts';
import type { Publication, Terms, Visitor } from '../model/publication.ts';
import type { ServerSettings } from '../model/server.ts';
import type { Part } from '../service/lifecycle.ts';

/** What an image is published as, decided from its bytes and the options of the rule before a release is made of it. */
export interface Offer {
  /** Which of the images that stand at one place together: empty where there is only one. */
  readonly part: string;
  readonly terms: Terms;
  /** A number for this publication, counted up within the series and never given twice. Null: none is needed. */
  readonly number: NumberWanted | null;
  /** What a careful person would want to know, and that is no reason to refuse. */
  readonly remarks?: readonly string[];
}

/** A number that an offer needs, such as the VERSION of a Waspmote program. */
export interface NumberWanted {
  readonly series: string;
  /** The first number of a series that is new; a series that has gone further goes on from there. */
  readonly first: number;
  /** Beyond this there is none: the drop is rejected with PUBLISH_NUMBERS_USED. */
  readonly last: number;
}

/** One device fetching one image. Exactly one of `whole` and `broken` ends it. */
export interface Fetch {
  /** Never goes back. What has left this machine, not what the device confirmed. */
  progress(sentBytes: number): void;
  /** The last byte has left, and the device ended the transfer in order. */
  whole(): void;
  broken(sentBytes: number, error: FlashError): void;
}

/** What a server is given to serve, and whom it tells what it saw. All calls are durable when they return, `progress` apart. */
export interface PullHost {
  /** What stands at a place now, oldest first. Empty: nothing is offered there. */
  at(place: string): readonly Publication[];
  image(publication: Publication): Promise<FirmwareImage>;
  /** A device has looked at what is offered there. */
  looked(publication: Publication, visitor: Visitor): void;
  /** A device has looked there, and nothing stands there for it. */
  foundNothing(place: string, visitor: Visitor): void;
  /** A device begins to fetch the image. */
  fetch(publication: Publication, visitor: Visitor): Fetch;
  /**
   * A later visit has shown that the device has what it fetched: `accepted`. Counts only for a device that was seen to fetch it whole.
   * `evidence` is for people: what was seen.
   */
  confirmed(publication: Publication, visitor: Visitor, evidence: string): void;
}

/** What a protocol needs to act by itself. */
export interface PullSurroundings {
  readonly clock: Clock;
  readonly log: Logger;
}

/** Brings a publication to a place that is not in this process, and takes it away. Each is tried again until it succeeds. */
export interface Carrier {
  /** Throws FlashError. Safe to repeat, also after a try that broke off anywhere. */
  publish(publication: Publication, image: FirmwareImage, signal: AbortSignal): Promise<void>;
  withdraw(publication: Publication, signal: AbortSignal): Promise<void>;
}

/**
 * A way to devices that fetch by themselves. Its rules publish: nothing is ever sent to a device, and what is known of one is what its
 * visits showed. The counterpart of {@link ../protocol.ts}, whose protocols go to the device.
 */
export interface PullProtocol {
  readonly name: string;
  /** One sentence for `--help` and the docs. */
  readonly summary: string;
  readonly options: Fields;
  /** A device that has an image does not fetch it again: one that does is perhaps two behind one address. What tells those apart; null: it may. */
  readonly tellsApart: string | null;
  /** Where a rule with these options publishes. */
  placeOf(options: OptionValues): string;
  /** What is wrong with these options beside these servers, for the config; null: nothing. */
  problemWith(options: OptionValues, servers: ServerSettings): string | null;
  /** Rejects with a FlashError where the image cannot be published: the file is rejected with it. */
  offer(image: FirmwareImage, options: OptionValues): Promise<Offer>;
  /** Whether devices fetch from this place through the protocol's own server; else a {@link Carrier} brings things there. */
  isServedHere(place: string): boolean;
  /** Called only for places that are not served here. */
  carrier(options: OptionValues, surroundings: PullSurroundings): Carrier;
  /** The protocol's own server, a part of the daemon; null: the config has none. */
  server(servers: ServerSettings, host: PullHost, surroundings: PullSurroundings): Part | null;
}
