/** Announcements of one start are a second or two apart in both cores: what follows a longer silence belongs to another start. */
const SILENCE_BETWEEN_STARTS_MS = 3_000;

/** The latest of these times, oldest first, up to the last long silence before `untilMs`. */
export function afterLastSilence(timesMs: readonly number[], untilMs: number): readonly number[] {
  const lastBefore = timesMs.findLastIndex(
    (atMs, nth) => (timesMs[nth + 1] ?? untilMs) - atMs > SILENCE_BETWEEN_STARTS_MS,
  );
  return timesMs.slice(lastBefore + 1);
}
