import type { Device } from '../model/device.ts';
import type { StoredImage } from '../model/image.ts';
import type { Decision, Plan } from '../model/plan.ts';
import type { Rule } from '../model/rule.ts';
import type { PlanContext } from './context.ts';
import { acceptsDevice, compileDeviceSelector, type DeviceCheck, mediumCheck } from './device-selector.ts';
import { compileFirmwareSelector, type FirmwareMiss } from './firmware-selector.ts';
import { askGuards, type Direction } from './guards.ts';
import { noMatch } from './no-match.ts';
import { RuleIndex } from './rule-index.ts';
import { Subject } from './subject.ts';

/** A rule with its patterns read once; made by {@link compileRules}. */
export interface CompiledRule {
  readonly rule: Rule;
  /** Why its `firmware:` does not accept an image, or null. */
  readonly firmwareMiss: FirmwareMiss;
  /** Its `devices:`, all of which must hold. */
  readonly deviceChecks: readonly DeviceCheck[];
  /** The same without what a board on a port tells only when it is asked. */
  readonly portChecks: readonly DeviceCheck[];
}

/** The rules of a config, in file order, with their patterns compiled. */
export type CompiledRules = readonly CompiledRule[];

/** Why a rule's `firmware:` does not accept an image. */
export interface RuleMiss {
  readonly rule: string;
  readonly reason: string;
}

/** Which rules accept an image, before any device is looked at. */
export interface RuleMatches {
  /** Rules that accept the image, in file order. None: the file is unmatched. */
  readonly matching: readonly CompiledRule[];
  /** The others. */
  readonly misses: readonly RuleMiss[];
}

/** Throws RangeError for an `address` that is neither an address nor a CIDR range; the config has checked before. */
export function compileRules(rules: readonly Rule[]): CompiledRules {
  return rules.map((rule) => ({
    rule,
    firmwareMiss: compileFirmwareSelector(rule.firmware),
    deviceChecks: [mediumCheck(rule), ...compileDeviceSelector(rule.devices)],
    portChecks: [mediumCheck(rule), ...compileDeviceSelector({ ...rule.devices, chip: null, mac: null })],
  }));
}

/** Rules that work on plugging in and may be for the board on this port, in file order. */
export function rulesForPort(compiled: CompiledRules, device: Device): readonly Rule[] {
  const subject = new Subject(device, () => null);
  return compiled
    .filter(({ rule, portChecks }) => rule.when.kind === 'attach' && acceptsDevice(portChecks, subject))
    .map(({ rule }) => rule);
}

/** Which rules accept this image, and why the others do not. */
export function matchingRules(compiled: CompiledRules, image: StoredImage): RuleMatches {
  const matching: CompiledRule[] = [];
  const misses: RuleMiss[] = [];
  for (const candidate of compiled) {
    const reason = candidate.firmwareMiss(image);
    if (reason === null) matching.push(candidate);
    else misses.push({ rule: candidate.rule.name, reason });
  }
  return { matching, misses };
}

/** The rules' word on one image and each device: exactly one decision per device, in their order. */
export function plan(
  compiled: CompiledRules,
  image: StoredImage,
  devices: Iterable<Device>,
  context: PlanContext,
): Plan {
  const question = questionOf(compiled, image, context);
  const decisions: Decision[] = [];
  for (const device of devices) decisions.push(answer(question, device));
  return { image, rules: question.matching.map(({ rule }) => rule.name), decisions };
}

/** The rules' word on one image and one device: the first rule in file order that matches both decides. */
export function decide(
  compiled: CompiledRules,
  image: StoredImage,
  device: Device,
  context: PlanContext,
  direction: Direction = 'forward',
): Decision {
  return answer({ ...questionOf(compiled, image, context), direction }, device);
}

/** An image, with the rules that accept it. */
interface Question {
  readonly image: StoredImage;
  readonly context: PlanContext;
  readonly matching: readonly CompiledRule[];
  readonly index: RuleIndex;
  readonly direction: Direction;
}

function questionOf(compiled: CompiledRules, image: StoredImage, context: PlanContext): Question {
  const { matching } = matchingRules(compiled, image);
  const index = new RuleIndex(matching.map(({ rule }) => rule.devices));
  return { image, context, matching, index, direction: 'forward' };
}

function answer({ image, context, matching, index, direction }: Question, device: Device): Decision {
  const subject = new Subject(device, context.knownChip);
  const claims: CompiledRule[] = [];
  for (const place of index.candidates(subject)) {
    const candidate = matching[place];
    if (candidate !== undefined && acceptsDevice(candidate.deviceChecks, subject)) claims.push(candidate);
  }
  const [claim, ...later] = claims;
  if (claim === undefined)
    return { kind: 'refuse', device, rule: null, refusal: noMatch(matching, subject), shadowed: [] };
  const { rule, firmwareMiss } = claim;
  const shadowed = later.map((other) => other.rule.name);
  const { refusal, overridden, first } = askGuards({ rule, firmwareMiss, image, subject, context, direction });
  if (refusal !== null) return { kind: 'refuse', device, rule: rule.name, refusal, shadowed };
  return { kind: 'flash', device, rule: rule.name, first, overridden, shadowed };
}
