/** Longest first, so that formatting finds the largest unit that divides. */
const DURATION_UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

/** `2s`, `500ms`, `1h30m`. A unit is never guessed. */
export const DURATION_PATTERN = /^(?:\d+(?:ms|s|m|h|d))+$/;

/** Milliseconds, or null where `text` is no duration. */
export function parseDuration(text: string): number | null {
  if (!DURATION_PATTERN.test(text)) return null;
  let durationMs = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
    durationMs += Number(count) * DURATION_UNITS[unit as keyof typeof DURATION_UNITS];
  }
  return durationMs;
}

/** The shortest text that {@link parseDuration} reads back as `durationMs`: `90s`, `1500ms`, `0s`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return '0s';
  const fit = Object.entries(DURATION_UNITS).find(([, unitMs]) => durationMs % unitMs === 0);
  return fit === undefined ? `${durationMs}ms` : `${durationMs / fit[1]}${fit[0]}`;
}

const SIZE_UNITS = { GB: 1e9, MB: 1e6, kB: 1e3, B: 1 } as const;

/** `10MB`, `500kB`: decimal units. */
export const SIZE_PATTERN = /^\d+(?:B|kB|MB|GB)$/;

/** Bytes, or null where `text` is no size. */
export function parseSize(text: string): number | null {
  const match = /^(\d+)(B|kB|MB|GB)$/.exec(text);
  return match === null ? null : Number(match[1]) * SIZE_UNITS[match[2] as keyof typeof SIZE_UNITS];
}

/** The shortest text that {@link parseSize} reads back as `sizeBytes`. */
export function formatSize(sizeBytes: number): string {
  const fit = Object.entries(SIZE_UNITS).find(([, unitBytes]) => sizeBytes > 0 && sizeBytes % unitBytes === 0);
  return fit === undefined ? `${sizeBytes}B` : `${sizeBytes / fit[1]}${fit[0]}`;
}
