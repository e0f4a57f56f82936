import { insteadOfPackage } from '../firmware/packages/instead-of-package.ts';
import type { ImageKind, StoredImage } from '../model/image.ts';
import type { Refusal, RefusalCode, Rung } from '../model/plan.ts';
import { type GuardOverride, PORT_PROTOCOL, type Rule } from '../model/rule.ts';
import { chipsText } from './chip-evidence.ts';
import type { PlanContext } from './context.ts';
import type { FirmwareMiss } from './firmware-selector.ts';
import type { Subject } from './subject.ts';
import { versionWay } from './version-way.ts';

/** What a guard objects to, and the word in a rule's `allow:` that overrides it; null: nothing does. */
interface Objection extends Refusal {
  readonly override: GuardOverride | null;
}

/** `back`: somebody takes an image back, so that an older one is what is wanted. */
export type Direction = 'forward' | 'back';

interface Case {
  readonly rule: Rule;
  /** Why the rule's `firmware:` does not accept an image; null: it does. */
  readonly firmwareMiss: FirmwareMiss;
  readonly image: StoredImage;
  readonly subject: Subject;
  readonly context: PlanContext;
  readonly direction: Direction;
}

/** What the guards say of one image for one device. */
export interface GuardVerdict {
  /** The first objection that stands, or null. */
  readonly refusal: Refusal | null;
  readonly overridden: readonly Refusal[];
  /** What the device has to run before this image; null: nothing, or it is refused. */
  readonly first: Rung | null;
}

/** In this order: what the image is, whether there is anything to do, whether it is the right board, whether it can be reached. */
const GUARDS: readonly ((given: Case) => Objection | null)[] = [
  kindGuard,
  gzipGuard,
  currentGuard,
  chipGuard,
  addressGuard,
  protocolGuard,
];

const NO_OVERRIDES: readonly Refusal[] = [];

/**
 * On a port the loader itself is asked what chip it is and what goes where, before anything is erased; beforehand only what is certain
 * counts.
 */
const PORT_GUARDS = [currentGuard, chipGuard, protocolGuard];

/** As a board is plugged in its loader has been asked already, and whether it comes a second time is the line's question. */
const LINE_GUARDS = [chipGuard];

function guardsFor({ rule }: Case): readonly ((given: Case) => Objection | null)[] {
  if (rule.when.kind === 'attach') return LINE_GUARDS;
  return rule.update.protocol === PORT_PROTOCOL ? PORT_GUARDS : GUARDS;
}

/** Asks every guard about the image and the device that a rule has brought together, and then for the order of versions. */
export function askGuards(given: Case): GuardVerdict {
  const verdict = askEach(given);
  const isFree = given.rule.when.kind === 'attach' || given.direction === 'back';
  return verdict.refusal !== null || isFree ? verdict : askVersions(given, verdict);
}

/** A rung has to pass the same guards as the image that it leads to. */
function askVersions(given: Case, verdict: GuardVerdict): GuardVerdict {
  const way = versionWay({ ...given, device: given.subject.device });
  switch (way.kind) {
    case 'go':
      return verdict;
    case 'refuse': {
      const isOverridden = way.refusal.code === 'RULE_VERSION_UNKNOWN' && given.rule.allow.includes('version-unknown');
      if (!isOverridden) return { ...verdict, refusal: way.refusal };
      return { ...verdict, overridden: [...verdict.overridden, way.refusal] };
    }
    case 'first': {
      const { refusal, overridden } = askEach({ ...given, image: way.rung.image });
      if (refusal === null) return { refusal, overridden, first: way.rung };
      return { ...verdict, refusal: { ...refusal, reason: `${way.rung.reason}; that one: ${refusal.reason}` } };
    }
  }
}

function askEach(given: Case): GuardVerdict {
  let overridden = NO_OVERRIDES;
  for (const guard of guardsFor(given)) {
    const objection = guard(given);
    if (objection === null) continue;
    const refusal = { code: objection.code, reason: objection.reason };
    if (objection.override === null || !given.rule.allow.includes(objection.override))
      return { refusal, overridden, first: null };
    overridden = [...overridden, refusal];
  }
  return { refusal: null, overridden, first: null };
}

/** Only what an updater writes to an application or filesystem partition; anything else there is a device that does not start. */
const NEVER_OVER_THE_AIR: Partial<Record<ImageKind, string>> = {
  merged: 'a factory (merged) image holds bootloader, partition table and application',
  bootloader: 'it is a bootloader',
  'partition-table': 'it is a partition table',
  otadata: 'it is OTA boot data',
  package: 'a package goes to several places in flash',
  data: 'it says nothing of itself, so that it cannot be told from an application for another device',
};

const OTA_ONLY = 'over the air go applications and filesystems only';

/** No rule overrides this: there is no device on which it would be right. */
function kindGuard({ image: { dossier } }: Case): Objection | null {
  const why = NEVER_OVER_THE_AIR[dossier.kind];
  if (why !== undefined)
    return objection(
      'RULE_NOT_OTA',
      `${why}; ${dossier.kind === 'package' ? insteadOfPackage(dossier) : OTA_ONLY}`,
      null,
    );
  // eboot copies the whole file to flash address 0 (esp8266/Arduino, eboot.c): without an eboot in it there is none afterwards.
  if (dossier.kind === 'app' && dossier.chip === 'esp8266' && dossier.format !== 'esp8266-arduino')
    return objection('RULE_NOT_OTA', `it is of format ${dossier.format}, without the eboot that has to start it`, null);
  return null;
}

/** eboot inflates; the updater of the ESP32 family wants 0xE9 first, and a filesystem is written as it comes (esp8266/Arduino, Updater.cpp). */
function gzipGuard({ image: { dossier } }: Case): Objection | null {
  if (dossier.container === 'none' || (dossier.kind === 'app' && dossier.chip === 'esp8266')) return null;
  return objection(
    'RULE_NOT_OTA',
    `only an esp8266 inflates gzip, and only applications; this is ${dossier.kind} for ${dossier.chip ?? 'no named chip'}`,
    null,
  );
}

function currentGuard({ image, subject, context }: Case): Objection | null {
  if (context.currentImage(subject.device, image.dossier.kind) !== image.sha256) return null;
  return objection('RULE_ALREADY_CURRENT', `it already has this image (sha256 ${image.sha256.slice(0, 12)}…)`, null);
}

function chipGuard({ rule, image, subject }: Case): Objection | null {
  const { chip } = image.dossier;
  if (chip === null) return null;
  const { strength, possible, clues } = subject.evidence;
  if (strength === 'certain' && possible.includes(chip)) return null;
  const why = clues.join('; ');
  if (possible.length === 0)
    return objection('RULE_WRONG_CHIP', `what is known of the device contradicts itself: ${why}`, 'chip-mismatch');
  const wrong = `the image is for ${chipsText([chip])}, but ${why}`;
  if (strength === 'certain') return objection('RULE_WRONG_CHIP', wrong, 'chip-mismatch');
  if (rule.update.protocol === PORT_PROTOCOL) return null;
  const remedy = `${boardNote(subject)}; add "chip:" to it under "devices:"`;
  if (!possible.includes(chip)) return objection('RULE_WRONG_CHIP', `${wrong}${remedy}`, 'chip-mismatch');
  const known =
    strength === 'hinted' ? `only a hint tells which chip it has: ${why}` : 'nothing tells which chip it has';
  return objection('RULE_CHIP_UNKNOWN', `${known}${remedy}, or "allow: [chip-unknown]" to the rule`, 'chip-unknown');
}

function boardNote({ device: { board } }: Subject): string {
  return board === null ? '' : ` (the board ${JSON.stringify(board)} is not in the table)`;
}

function addressGuard({ rule, subject, context }: Case): Objection | null {
  const { device } = subject;
  if (device.address === null) return objection('RULE_NO_ADDRESS', 'its address is not known (yet)', null);
  if (device.port !== null || commonPort(rule.update.protocol, subject, context) !== null) return null;
  return objection('RULE_NO_ADDRESS', `its port is not known, and ${rule.update.protocol} has none to assume`, null);
}

/** The default port, where all chips that the device can have share it. */
function commonPort(protocol: string, { evidence }: Subject, context: PlanContext): number | null {
  const ports = new Set(evidence.possible.map((chip) => context.defaultPort(protocol, chip)));
  const [port] = ports;
  return ports.size === 1 ? (port ?? null) : null;
}

function protocolGuard({ rule, image, subject, context }: Case): Objection | null {
  const { device } = subject;
  const { protocol } = rule.update;
  if (device.protocol !== null && device.protocol !== protocol)
    return objection(
      'RULE_PROTOCOL_REFUSES',
      `the config says it speaks ${device.protocol}, the rule ${protocol}`,
      null,
    );
  const verdict = context.accepts(protocol, device, image);
  return verdict.accepted ? null : objection('RULE_PROTOCOL_REFUSES', `${protocol}: ${verdict.reason}`, null);
}

function objection(code: RefusalCode, reason: string, override: GuardOverride | null): Objection {
  return { code, reason, override };
}
