import { type Clock, sleep } from '../clock.ts';
import { WHOLE_VERSION } from '../config/verify-schema.ts';
import { FlashError } from '../errors.ts';
import { versionIn } from '../firmware/image-version.ts';
import { judgeReturn, judgeVersion } from '../jobs/confirm.ts';
import { returnChecks } from '../jobs/return-checks.ts';
import { askVersion, newsIn } from '../jobs/version-check.ts';
import type { Logger } from '../log.ts';
import type { Device } from '../model/device.ts';
import type { StoredImage } from '../model/image.ts';
import type { Proof } from '../model/proof.ts';
import type { VersionCheck } from '../model/rule.ts';
import type { FlashReport, Signs } from '../protocols/protocol.ts';

const ASK_AGAIN_MS = 500;

/** A device that has accepted an image, and by what it is known to be back with it. */
export interface ProofRequest {
  readonly device: Device;
  readonly image: StoredImage;
  readonly report: FlashReport;
  readonly signs: Signs;
  /** For the return and the version together. */
  readonly withinMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How far the outcome is known, and what speaks against it. */
export interface ProofFound {
  readonly proof: Proof;
  readonly error: FlashError | null;
}

/**
 * Watches a device that took its image come back, and asks for its version: what the daemon does after each job, for protocols whose
 * devices show it to everybody. Rejects only when `signal` is aborted.
 */
export async function proveFlash(request: ProofRequest, signal: AbortSignal): Promise<ProofFound> {
  const { device, image, report, signs, withinMs, clock, log } = request;
  const deadlineMs = clock.monotonic() + withinMs;
  const sinceMs = clock.now();
  const awaitReturn = returnChecks(() => Promise.resolve(null), clock, log);
  const expected = versionIn(image);
  const check: VersionCheck = { ...signs.version, match: WHOLE_VERSION };
  const before = report.versionBefore ?? null;
  const news = newsIn(check, { expected, before }, askVersion);
  const asked = { device, check: signs.returnBy, sinceMs, withinMs, missedTheRestart: false, ...news };
  const evidence = await awaitReturn(asked, signal);
  const returned = judgeReturn({ proof: report.proof, error: null, confirmFromMs: sinceMs }, evidence, withinMs);
  if (returned.error !== null) return { proof: report.proof, error: returned.error };
  if (expected === null) return { proof: 'returned', error: null };
  const said = await askUntilAnswer(device, check, { clock, deadlineMs }, signal);
  const verify = { proof: 'verified', withinMs, check: signs.returnBy, version: check, soakMs: 0 } as const;
  const { change, error } = judgeVersion({ verify, versionBefore: before }, said, { expected, previous: null });
  return { proof: change.proof ?? 'returned', error };
}

/** Such a device says it at once and unasked, so that its first word is its last one. */
async function askUntilAnswer(
  device: Device,
  check: VersionCheck,
  { clock, deadlineMs }: { readonly clock: Clock; readonly deadlineMs: number },
  signal: AbortSignal,
): Promise<string | null> {
  for (;;) {
    const said = await askVersion(device, check, signal);
    signal.throwIfAborted();
    if (said !== null || clock.monotonic() >= deadlineMs) return said;
    await sleep(clock, ASK_AGAIN_MS, signal);
  }
}

/** A person does not want to wait: what was seen so far stands. */
export function notAwaited(report: FlashReport): ProofFound {
  const message = 'interrupted while the device was awaited, which had taken the image';
  return { proof: report.proof, error: new FlashError('JOB_OUTCOME_UNKNOWN', message, { step: 'confirm' }) };
}
