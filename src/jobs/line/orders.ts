import { FlashError } from '../../errors.ts';
import type { Device } from '../../model/device.ts';
import type { StoredImage } from '../../model/image.ts';
import type { Rule } from '../../model/rule.ts';
import type { BoardIdentity } from '../../model/unit.ts';
import type { Journal } from '../journal/journal.ts';
import type { ReleaseRecord } from '../journal/releases.ts';
import type { RuleBook } from '../rule-book.ts';
import { targetOf } from '../targets.ts';

/** What a board is to get: the releases of the rule that decides for it, in the order they are written. */
export interface Order {
  readonly rule: Rule;
  /** The newest: what the board's record calls its release. */
  readonly release: ReleaseRecord;
  /** Written one after the other. */
  readonly batches: readonly (readonly StoredImage[])[];
}

/** What it takes to know which release a board is to get. */
export interface OrderParts {
  readonly journal: Journal;
  readonly rules: () => RuleBook;
}

interface Offer {
  readonly release: ReleaseRecord;
  readonly image: StoredImage;
}

/** The ids of the current releases that a board on some port may get, whatever its chip turns out to be. */
export type Offers = readonly string[];

/** Empty: there is no work for the port, and it is left alone. */
export function offersFor(device: Device, parts: OrderParts): Offers {
  const rules = new Set(
    parts
      .rules()
      .forPort(device)
      .map(({ name }) => name),
  );
  return attachOffers(parts)
    .filter(({ release }) => rules.has(release.rule))
    .map(({ release }) => release.id);
}

/** What this board is to get. Throws LINE_NO_RELEASE, with the reasons of the rules. */
export function orderFor(device: Device, board: BoardIdentity, parts: OrderParts): Order {
  const known: Device = { ...device, mac: board.mac, chip: board.chip };
  const reasons: string[] = [];
  const chosen = new Map<string, Offer[]>();
  for (const offer of attachOffers(parts)) {
    const decision = parts.rules().decide(offer.image, known);
    if (decision.kind === 'refuse') reasons.push(`${offer.release.imageName}: ${decision.refusal.reason}`);
    else if (decision.rule === offer.release.rule)
      chosen.set(decision.rule, [...(chosen.get(decision.rule) ?? []), offer]);
  }
  for (const rule of parts.rules().forPort(known)) {
    const offers = chosen.get(rule.name);
    const newest = offers?.at(-1);
    if (offers === undefined || newest === undefined) continue;
    return { rule, release: newest.release, batches: batchesOf(offers.map(({ image }) => image)) };
  }
  const why = reasons.length === 0 ? 'no release is current' : reasons.join('; ');
  throw new FlashError('LINE_NO_RELEASE', `nothing is released for ${board.chip} ${board.mac}: ${why}`);
}

/** Current releases of rules that work on plugging in, oldest first. */
function attachOffers({ journal, rules }: OrderParts): Offer[] {
  return journal.releases.current().flatMap((release) => {
    if (rules().rule(release.rule)?.when.kind !== 'attach') return [];
    const image = journal.images.get(release.image);
    return image === null ? [] : [{ release, image: { ...image, name: release.imageName } }];
  });
}

/**
 * What is older than an image of the whole flash is overwritten by it, and left out; what is newer goes over it, in a batch of its own.
 */
function batchesOf(images: readonly StoredImage[]): readonly (readonly StoredImage[])[] {
  const at = images.findLastIndex(({ dossier }) => targetOf(dossier.kind) === 'flash');
  if (at < 0) return [images];
  const newer = images.slice(at + 1);
  return [images.slice(at, at + 1), ...(newer.length === 0 ? [] : [newer])];
}
