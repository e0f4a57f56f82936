import { effectiveRollout } from '../config/effective.ts';
import { type ErrorReport, FlashError } from '../errors.ts';
import { type DropPlan, type DroppedImage, planImages, whyIncomplete } from '../jobs/drop-plan.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import type { RuleBook } from '../jobs/rule-book.ts';
import { slotOf } from '../jobs/targets.ts';
import type { Device } from '../model/device.ts';
import type { StoredImage } from '../model/image.ts';
import type { Decision, Plan } from '../model/plan.ts';
import type { ReleaseManifest } from '../model/release-file.ts';
import { describePlan } from '../rules/describe.ts';
import { printable, tableLines } from './output.ts';
import { describePublications, type PlannedPublication, planPublications } from './plan-publications.ts';
import type { GivenRelease } from './read-release.ts';

/** What would happen with one image of a release. */
export interface PlannedImage extends Plan {
  readonly publications: readonly PlannedPublication[];
  /** Why rules do not take it, or do nothing with it. */
  readonly ruleMisses: readonly string[];
  /** It would be kept as this rung of the ladders of `rules`; null: it would be released. */
  readonly rung: string | null;
}

/** What would happen with a release. */
export interface PlannedRelease {
  readonly file: string;
  readonly sha256: string;
  readonly manifest: ReleaseManifest;
  readonly images: readonly PlannedImage[];
  /** Why all of it would be rejected; null: it would be taken. */
  readonly refused: ErrorReport | null;
}

/** What a plan is made against: the config's rules, and what the journal knows. Nothing of it is changed. */
export interface PlanningWorld {
  readonly rules: RuleBook;
  readonly devices: readonly Device[];
  readonly journal: Journal;
}

/** Plans the images of a release together, as the daemon would. Throws what is wrong with the release. Changes nothing. */
export async function planRelease(release: GivenRelease, world: PlanningWorld): Promise<PlannedRelease> {
  const { file, sha256, manifest } = release;
  const [problem] = release.problems;
  if (problem !== undefined) throw new FlashError(problem.code, problem.message);
  if (manifest === null) throw new Error('a release that cannot be read says why');
  const dropped = release.images.map(({ entry, bytes, ...image }) => ({
    bytes,
    drop: file,
    rules: entry.rules,
    image: { sha256: image.sha256, name: nameOf(entry.file), sizeBytes: bytes.length, dossier: image.dossier },
  }));
  const plan = planTogether(dropped, world);
  const incomplete = whyIncomplete(plan);
  const images: PlannedImage[] = [];
  for (const one of dropped) images.push(await plannedImage(one, plan, world));
  return {
    file,
    sha256,
    manifest,
    images,
    refused: incomplete === null ? null : new FlashError('RELEASE_IMAGE_UNWANTED', incomplete).toJSON(),
  };
}

/** What the rules make of images that are dropped together, beside the releases that there are. */
export function planTogether(dropped: readonly DroppedImage[], { rules, journal }: PlanningWorld): DropPlan {
  return planImages(dropped, {
    accepting: (image) => rules.accepting(image),
    slotOf: (rule, image) => slotOf(rule, image.dossier),
    current: (slot) => {
      const release = journal.releases.currentIn(slot);
      const image = release === null ? null : journal.images.get(release.image);
      if (release === null || image === null) return null;
      return { release: release.id, image: { ...image, name: release.imageName } };
    },
  });
}

async function plannedImage(
  dropped: DroppedImage & { readonly bytes: Uint8Array },
  plan: DropPlan,
  { rules, devices, journal }: PlanningWorld,
): Promise<PlannedImage> {
  const image: StoredImage = dropped.image;
  const takings = plan.takings.filter((taking) => taking.dropped === dropped).map(({ rule }) => rule.name);
  const rungs = plan.rungs.filter((rung) => rung.dropped === dropped);
  const publications = await planPublications({ ...image, bytes: dropped.bytes }, rules, journal);
  const planned = rules.plan(image, devices);
  return {
    image,
    rules: [...takings, ...rungs.map(({ rule }) => rule.name)],
    decisions: planned.decisions.map((decision) => withoutOthers(decision, takings)),
    publications: publications.filter(({ rule }) => takings.includes(rule)),
    ruleMisses: plan.objections.get(dropped) ?? [],
    rung: rungs[0]?.version ?? null,
  };
}

/** A device whose rule is not one of those that the release names gets nothing of it. */
function withoutOthers(decision: Decision, takings: readonly string[]): Decision {
  if (decision.kind === 'refuse' || takings.includes(decision.rule)) return decision;
  const { device, rule, shadowed } = decision;
  const reason = `rule ${JSON.stringify(rule)} decides for it, and this image is not released by that rule`;
  return { kind: 'refuse', device, rule, shadowed, refusal: { code: 'RULE_NO_MATCH', reason } };
}

/** For people. */
export function describePlannedRelease({ file, manifest, images, refused }: PlannedRelease): string[] {
  const head = manifestRows(manifest).map(([label, value]) => [`  ${label}`, value]);
  return [
    `${file}: a release of ${images.length} ${images.length === 1 ? 'image' : 'images'}`,
    ...tableLines(head).map(printable),
    ...(refused === null ? [] : [`it would be rejected as a whole: ${refused.code}: ${printable(refused.message)}`]),
    ...images.flatMap((image) => ['', ...describePlannedImage(image)]),
  ];
}

function describePlannedImage({ publications, ruleMisses, rung, ...plan }: PlannedImage): string[] {
  return [
    ...describePlan(plan),
    ...(rung === null ? [] : [`  kept as rung ${rung} of a ladder: devices below it get it first`]),
    ...describePublications(publications).map(printable),
    ...ruleMisses.map((reason) => printable(`  not by ${reason}`)),
  ];
}

/** What a release file says of itself, a row for each thing. */
export function manifestRows({ name, version, notes, rollout }: ReleaseManifest): [string, string][] {
  const said: [string, string | null][] = [
    ['name', name],
    ['version', version],
    ['notes', notes === null ? null : notes.trim().replaceAll(/\s*\n\s*/g, ' ')],
    ['rollout', rollout === null ? 'each rule has its own' : rolloutText(effectiveRollout(rollout))],
  ];
  return said.flatMap(([label, value]): [string, string][] => (value === null ? [] : [[label, value]]));
}

function rolloutText(settings: Readonly<Record<string, unknown>>): string {
  const word = (value: unknown): string => {
    if (Array.isArray(value)) return value.join(', ');
    if (typeof value !== 'object' || value === null) return String(value);
    return Object.entries(value)
      .map(([key, part]) => `${key} ${part}`)
      .join(', ');
  };
  const said = Object.entries(settings).map(([key, value]) => `${key} ${word(value)}`);
  return `one over all images: ${said.join('; ')}`;
}

function nameOf(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
