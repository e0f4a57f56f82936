import type { ErrorReport } from '../errors.ts';

/** What a protocol settled when it published an image, in its own words: a name, a version. */
export type Terms = Readonly<Record<string, string | number | boolean>>;

/**
 * How far a publication is. `wanted`: entered, and not at its place yet. `published`: devices that come find it there. `replaced`: a newer
 * one stands there. `withdrawn`: nothing is offered there any more.
 */
export type PublicationState = 'wanted' | 'published' | 'replaced' | 'withdrawn';

/** A release that devices fetch by themselves: what it is offered as, and where. */
export interface Publication {
  readonly release: string;
  readonly rule: string;
  readonly protocol: string;
  /** Where devices fetch it, in the protocol's words. Two rules never share a place. */
  readonly place: string;
  /** Which of the images that stand at this place together; a newer one of the same part replaces it. Empty: there is only one. */
  readonly part: string;
  /** SHA-256 of the image. */
  readonly image: string;
  readonly imageName: string;
  readonly sizeBytes: number;
  readonly terms: Terms;
  /** Counted up within its series and never used twice; null: the protocol counts nothing. */
  readonly number: number | null;
  /** What a careful person would look at. */
  readonly remarks: readonly string[];
  readonly state: PublicationState;
  /** Why it could not be brought to its place (or away from it) the last time that was tried. */
  readonly error: ErrorReport | null;
  readonly createdMs: number;
  readonly publishedMs: number | null;
  readonly endedMs: number | null;
}

/** A device that comes by itself. It is told from others by the user it logs in as and the address it comes from, and by nothing else. */
export interface Visitor {
  readonly user: string;
  /** IPv4 in dotted form, also where it came over an IPv6 socket. */
  readonly address: string;
}

/** The id of a visitor, and what people call it: `ota@10.0.7.31`. */
export function visitorName({ user, address }: Visitor): string {
  return `${user}@${address}`;
}
