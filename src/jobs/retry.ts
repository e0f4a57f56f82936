const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 5 * 60_000;
/** A quarter either way, so that a hundred devices behind one broken link do not come back in step. */
const JITTER = 0.25;

/**
 * The pause after a failed attempt, milliseconds: doubling from 2 s to 5 min, with jitter. Never below 2 s, which an ESP8266 needs
 * after a broken upload before it listens again (esp8266/Arduino, ArduinoOTA.cpp, `_runUpdate`).
 * @param attempts how many attempts have been made, at least 1
 * @param random a number from 0 to 1, as `Math.random` gives
 */
export function retryPauseMs(attempts: number, random: number): number {
  const doubled = FIRST_PAUSE_MS * 2 ** Math.min(attempts - 1, 30);
  const jittered = Math.min(doubled, LONGEST_PAUSE_MS) * (1 + JITTER * (2 * random - 1));
  return Math.max(FIRST_PAUSE_MS, Math.round(jittered));
}

/** Failures that say "nobody was there": nothing was sent, and a device that comes back may be tried afresh. */
const ABSENCE: ReadonlySet<string> = new Set(['OTA_NO_ANSWER', 'LINK_UNREACHABLE', 'LINK_REFUSED']);

/** Whether a failed job with this error is taken up again when its device announces itself. */
export function revivesOnReturn(code: string | undefined): boolean {
  return code !== undefined && ABSENCE.has(code);
}
