import { type ErrorReport, FlashError } from '../errors.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import { publishes } from '../jobs/pull/publisher.ts';
import type { RuleBook } from '../jobs/rule-book.ts';
import type { FirmwareImage } from '../model/image.ts';
import type { Terms } from '../model/publication.ts';
import type { Rule } from '../model/rule.ts';
import { PULL_PROTOCOLS } from '../protocols/registry.ts';

/** Where an image would be offered to devices that fetch by themselves, and as what. */
export interface PlannedPublication {
  readonly rule: string;
  readonly place: string;
  readonly terms: Terms;
  /** The number that it would get; null: its protocol counts nothing, or there is an error. */
  readonly number: number | null;
  readonly remarks: readonly string[];
  /** Why it would not be published; null: it would. */
  readonly error: ErrorReport | null;
}

/** One entry for each rule that accepts the image and publishes. Changes nothing: no number is used up. */
export async function planPublications(
  image: FirmwareImage,
  rules: RuleBook,
  journal: Journal,
): Promise<PlannedPublication[]> {
  /** Series → how many of its numbers the rules before take. */
  const taken = new Map<string, number>();
  const publications: PlannedPublication[] = [];
  for (const rule of rules.accepting(image).rules.filter(publishes))
    publications.push(await planned(rule, image, journal, taken));
  return publications;
}

async function planned(
  { name: rule, update }: Rule,
  image: FirmwareImage,
  { publications }: Journal,
  taken: Map<string, number>,
): Promise<PlannedPublication> {
  const protocol = PULL_PROTOCOLS.get(update.protocol);
  if (protocol === undefined) throw new Error(`no protocol ${update.protocol}`);
  const place = protocol.placeOf(update.options);
  try {
    const { terms, number, remarks = [] } = await protocol.offer(image, update.options);
    if (number === null) return { rule, place, terms, number, remarks, error: null };
    const more = taken.get(number.series) ?? 0;
    const error = publications.whyNoNumber(number, more);
    if (error !== null) return { rule, place, terms, number: null, remarks, error: error.toJSON() };
    taken.set(number.series, more + 1);
    return { rule, place, terms, number: publications.numberAfter(number) + more, remarks, error: null };
  } catch (error) {
    if (!(error instanceof FlashError)) throw error;
    return { rule, place, terms: {}, number: null, remarks: [], error: error.toJSON() };
  }
}

/** For people: a line for each, and one for each remark. */
export function describePublications(publications: readonly PlannedPublication[]): string[] {
  return publications.flatMap(({ rule, place, terms, number, remarks, error }) => {
    if (error !== null) return [`  rule ${rule} does not publish it: ${error.code}: ${error.message}`];
    const named = Object.entries(terms).map(([key, value]) => `${key} ${value}`);
    const counted = number === null ? [] : [`number ${number}`];
    const as = [...named, ...counted].join(', ');
    return [
      `  rule ${rule} publishes it at ${place}${as === '' ? '' : ` (${as})`}`,
      ...remarks.map((remark) => `      ${remark}`),
    ];
  });
}
