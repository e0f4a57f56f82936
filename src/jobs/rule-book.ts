import { versionIn } from '../firmware/image-version.ts';
import type { Chip } from '../model/chip.ts';
import type { Device } from '../model/device.ts';
import type { ImageKind, StoredImage } from '../model/image.ts';
import type { Release } from '../model/job.ts';
import type { Decision, Plan } from '../model/plan.ts';
import type { Rule } from '../model/rule.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { PlanContext } from '../rules/context.ts';
import type { Direction } from '../rules/guards.ts';
import { type CompiledRules, compileRules, decide, matchingRules, plan, rulesForPort } from '../rules/plan.ts';
import type { PossibleVersions } from '../rules/version-step.ts';
import type { Journal } from './journal/journal.ts';
import { targetOf } from './targets.ts';

/** The rules as the job engine asks them. A reload replaces the whole book. */
export interface RuleBook {
  rule(name: string): Rule | null;
  /** In file order. */
  readonly all: readonly Rule[];
  /** The rules whose `firmware:` accepts the image, in file order; where there are none, each rule's reason. */
  accepting(image: StoredImage): { readonly rules: readonly Rule[]; readonly reasons: readonly string[] };
  /** The rules' word on this image and this device, now, for this purpose: to bring it forward, where it is left out. */
  decide(image: StoredImage, device: Device, purpose?: Purpose): Decision;
  /** Rules that work on plugging in and are for this port, in file order: as far as is known of a board that has not said its chip and MAC. */
  forPort(device: Device): readonly Rule[];
  /** The same for each device. */
  plan(image: StoredImage, devices: Iterable<Device>): Plan;
}

/** What a device is to get an image for. */
export interface Purpose {
  /** `back`: it is taken back to this image, so that an older one is right. */
  readonly direction: Direction;
  /** That the device took this image before, epoch ms, is no reason to leave it alone. */
  readonly sinceMs: number;
}

const FORWARD: Purpose = { direction: 'forward', sinceMs: 0 };
/** An image that a device ran before goes to it again: no version is asked for. */
export const BACK: Purpose = { direction: 'back', sinceMs: 0 };

/** What devices are to get the image of a release for. Of one that brings it once more, what came before it does not count. */
export function purposeOf({ undoOf, refreshOf, createdMs }: Release): Purpose {
  return { direction: undoOf === null ? 'forward' : 'back', sinceMs: refreshOf === null ? 0 : createdMs };
}

/** The devices as the job engine sees them. Discovery's registry is one. */
export interface DeviceDirectory {
  get(id: string): Device | null;
  list(): readonly Device[];
}

/** Every id that the journal may know a device by: two that were joined had one each. */
export function idsOf(device: Device): readonly string[] {
  return [...new Set([device.id, ...device.keys])];
}

/** What people call the device of a job, also when discovery has forgotten it. */
export function deviceName(devices: DeviceDirectory, deviceId: string): string {
  return devices.get(deviceId)?.name ?? deviceId;
}

/** What the rules need to know of the world: what the journal remembers, and what the protocols say of themselves. */
export function planContext(journal: Journal, protocols: ReadonlyMap<string, Protocol>): PlanContext {
  const protocol = (name: string): Protocol => {
    const found = protocols.get(name);
    if (found === undefined) throw new Error(`no protocol ${name}`);
    return found;
  };
  return {
    accepts: (name, device, image) => protocol(name).accepts(device, image),
    defaultPort: (name, chip) => protocol(name).defaultPort(chip),
    currentImage(device, kind, sinceMs = 0) {
      const held = journal.devices.held(idsOf(device), targetOf(kind));
      return held === null || held.atMs < sinceMs ? null : held.image;
    },
    possibleVersions: (device: Device, kind: ImageKind) => possibleVersions(journal, device, kind),
    storedImages: () => journal.images.dropped(),
    knownChip: (device: Device) => knownChip(journal, device),
  };
}

/**
 * The version of the image that the device was last proven to run, or what it said of itself since. One that it took and was not seen
 * to come back with may run or may not.
 */
function possibleVersions(journal: Journal, device: Device, kind: ImageKind): PossibleVersions {
  const ids = idsOf(device);
  const target = targetOf(kind);
  const held = journal.devices.held(ids, target);
  const said = target === 'app' ? journal.devices.said(ids) : null;
  if (said !== null && said.atMs > (held?.atMs ?? 0)) return [said.version];
  if (held === null) return [];
  const version = versionIn(journal.images.get(held.image));
  if (held.proof !== 'accepted') return [version];
  const before = journal.devices.provenBefore(ids, target, held.image);
  return [version, before === null ? null : versionIn(journal.images.get(before.image))];
}

/** The chip of the application that the device came back with: a wrong one would not have started. */
function knownChip(journal: Journal, device: Device): Chip | null {
  const held = journal.devices.held(idsOf(device), 'app');
  return held === null || held.proof === 'accepted' ? null : (journal.images.get(held.image)?.dossier.chip ?? null);
}

/** The rules of a config as a book. */
export function openRuleBook(rules: readonly Rule[], context: PlanContext): RuleBook {
  const compiled: CompiledRules = compileRules(rules);
  const byName = new Map(rules.map((rule) => [rule.name, rule]));
  return {
    rule: (name) => byName.get(name) ?? null,
    all: rules,
    accepting(image) {
      const { matching, misses } = matchingRules(compiled, image);
      return {
        rules: matching.map(({ rule }) => rule),
        reasons: misses.map(({ rule, reason }) => `rule "${rule}": ${reason}`),
      };
    },
    decide(image, device, { direction, sinceMs } = FORWARD) {
      const currentImage: PlanContext['currentImage'] = (of, kind) => context.currentImage(of, kind, sinceMs);
      return decide(compiled, image, device, { ...context, currentImage }, direction);
    },
    forPort: (device) => rulesForPort(compiled, device),
    plan: (image, devices) => plan(compiled, image, devices, context),
  };
}
