import { isDeepStrictEqual } from 'node:util';
import type { Config } from './config.ts';
import { isConfigSecret } from './secret.ts';

/** What is built once, at the start; everything else is taken over while the daemon runs. */
const FIXED: readonly (readonly [key: string, of: (config: Config) => unknown])[] = [
  ['drop', ({ drop }) => drop],
  ['data', ({ dataPath }) => dataPath],
  ['discovery', ({ discovery }) => discovery],
  ['control', ({ control }) => control],
  ['servers', ({ servers }) => servers],
  ['trust', ({ trust }) => trust],
  ['log.format', ({ log }) => log.format],
  ['log.file', ({ log }) => log.file],
];

/** Keys that differ and that only a restart can change, as the file names them. */
export function restartNeeds(before: Config, after: Config): string[] {
  return FIXED.filter(([, of]) => !isSame(of(before), of(after))).map(([key]) => key);
}

/** Secrets are looked up anew at each use, so they differ by where they come from; only one in plain text is part of the config. */
function isSame(one: unknown, other: unknown): boolean {
  if (isConfigSecret(one) && isConfigSecret(other)) {
    return one.source === other.source && (one.kind !== 'plain' || one.reveal() === other.reveal());
  }
  if (!isPlainData(one) || !isPlainData(other)) return isDeepStrictEqual(one, other);
  const keys = Object.keys(one);
  return (
    Array.isArray(one) === Array.isArray(other) &&
    isDeepStrictEqual(keys, Object.keys(other)) &&
    keys.every((key) => isSame(one[key], other[key]))
  );
}

function isPlainData(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
