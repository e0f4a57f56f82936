import { compare, parse } from 'semver';

/** Where a version stands among others. */
interface Order {
  /** Three numbers and a pre-release, as semver has it. */
  readonly base: string;
  /** The numbers after the third, and the commits after the version: they count where the rest is the same. */
  readonly more: readonly number[];
}

/** `git describe`: so many commits after the version (`-4-gabcdef1`), built from changed files (`-dirty`). */
const DESCRIBED = /^(?<version>.+?)(?:-(?<commits>\d{1,9})-g[0-9a-f]{4,40})?(?:-dirty)?$/i;
/** Pycom's releases (`1.20.2.r6`) and what comes before them (`1.20.0.rc13`, `1.17.2.b1`). */
const PYCOM = /^(?<numbers>v?\d+\.\d+\.\d+)\.(?<mark>r|rc|b)(?<nth>\d{1,9})$/i;
/** One number or more, and what follows them. */
const NUMBERS = /^v?(?<numbers>\d+(?:\.\d+)*)(?<rest>(?:[-+].*)?)$/i;

/**
 * Whether `left` is older (negative) or newer (positive) than `right`, or neither (0); null: they have no order. Semantic Versioning
 * decides; `v1.2`, `1.2.3.4`, `2026.06.01`, Pycom's `1.20.2.r6` and what `git describe` writes are understood as well (docs/decisions/0051). Pure.
 */
export function compareVersions(left: string, right: string): number | null {
  if (left === right) return 0;
  const [one, other] = [orderOf(left), orderOf(right)];
  if (one === null || other === null) return null;
  return compare(one.base, other.base) || compareNumbers(one.more, other.more);
}

/** Whether it can be compared with others at all. */
export function hasOrder(version: string): boolean {
  return orderOf(version) !== null;
}

function orderOf(text: string): Order | null {
  const { version = '', commits } = DESCRIBED.exec(text.trim())?.groups ?? {};
  const { numbers, rest = '' } = NUMBERS.exec(inPlainWords(version))?.groups ?? {};
  // A number of more digits is a hash or a serial number, and no float can tell it from the next.
  if (numbers === undefined || numbers.split('.').some((number) => number.length > 15)) return null;
  const [major = 0, minor = 0, patch = 0, ...further] = numbers.split('.').map(Number);
  const base = parse(`${major}.${minor}.${patch}${rest}`)?.version;
  return base === undefined ? null : { base, more: [...further, ...(commits === undefined ? [] : [Number(commits)])] };
}

function inPlainWords(version: string): string {
  const { numbers, mark = '', nth } = PYCOM.exec(version)?.groups ?? {};
  if (numbers === undefined) return version;
  return mark.toLowerCase() === 'r' ? `${numbers}.${nth}` : `${numbers}-${mark}.${nth}`;
}

function compareNumbers(left: readonly number[], right: readonly number[]): number {
  const length = Math.max(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
