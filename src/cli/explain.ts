import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { ask } from '../control/client.ts';
import type { ExplainDocument, ReleaseExplanation } from '../control/documents.ts';
import type { Device, PlaceVisited } from '../model/device.ts';
import { EXIT } from '../service/exit-codes.ts';
import { type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { type ControlArgs, withDaemon } from './control-target.ts';
import { humanAge, humanDuration, printable, printJson, printLines, tableLines } from './output.ts';

/** Adds `dropflash explain`, which needs a running daemon. */
export function defineExplain(program: Command, run: Run): void {
  const command = program
    .command('explain')
    .summary('what a device ought to run, and why it does not yet')
    .description(
      'Asks the running daemon for each current release: which rule decides for this device, what happens next and when, and why not now.',
    )
    .argument('<device>', 'its name, id, MAC or address; of one that fetches by itself also user@address')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash explain kitchen-plug', 'dropflash explain 10.0.7.31 --json']).action(
    (device: string, options: ControlArgs) =>
      run(options, (io) =>
        withDaemon(options, io, async (target) => {
          const path = `/v1/devices/${encodeURIComponent(device)}/explain`;
          const explained = await ask<ExplainDocument>(target, 'GET', path);
          if (options.json) printJson(io, explained);
          else printLines(io.stdout, linesOf(explained, systemClock.now()));
          return EXIT.done;
        }),
      ),
  );
}

function linesOf({ device, holds, releases }: ExplainDocument, nowMs: number): string[] {
  const head = deviceLines(device, holds, nowMs);
  if (releases.length === 0)
    return [...head, '', 'there is no current release: nothing was dropped yet, or it was withdrawn or has expired'];
  return [...head, ...releases.flatMap((release) => ['', ...releaseLines(release, nowMs)])];
}

/** Who a device is, for the head of a page about it. */
export function deviceLines(device: Device, holds: ExplainDocument['holds'], nowMs: number): string[] {
  return tableLines([
    ['device', device.name === device.id ? device.name : `${device.name} (${device.id})`],
    [
      'address',
      device.address === null ? 'none yet' : `${device.address}${device.port === null ? '' : `:${device.port}`}`,
    ],
    ...presenceRows(device, nowMs),
    [
      'holds',
      holds === null ? 'not known' : `${holds.name ?? holds.image}, ${holds.proof} ${humanAge(holds.atMs, nowMs)}`,
    ],
  ]).map(printable);
}

function presenceRows({ presence, lastSeenMs, visits }: Device, nowMs: number): string[][] {
  const seen = lastSeenMs === null ? 'never heard' : `last seen ${humanAge(lastSeenMs, nowMs)}`;
  if (visits === undefined) return [['presence', `${presence}, ${seen}`]];
  return [
    ['presence', `it comes by itself, ${seen}`],
    ...visits.map((visit) => ['came to', `${visit.place} (${visit.protocol}), ${lookedText(visit, nowMs)}`]),
  ];
}

/** `looked 2 times, last 12 s ago and found nothing`. */
export function lookedText(
  { looks, lastMs, foundNothingMs }: Pick<PlaceVisited, 'looks' | 'lastMs' | 'foundNothingMs'>,
  nowMs: number,
): string {
  const found = foundNothingMs === lastMs ? ' and found nothing' : '';
  return `looked ${looks} ${looks === 1 ? 'time' : 'times'}, last ${humanAge(lastMs, nowMs)}${found}`;
}

function releaseLines(explained: ReleaseExplanation, nowMs: number): string[] {
  const { release, releaseRule, imageName, rule, shadowed, refusal, first, job, next, nextMs, whyNotNow } = explained;
  const { undoOf, rollout } = explained;
  const when =
    nextMs === null ? '' : ` at ${new Date(nextMs).toISOString()} (in ${humanDuration(Math.max(0, nextMs - nowMs))})`;
  return tableLines([
    [
      'image',
      `${imageName} (release ${release} of rule ${releaseRule}${undoOf === null ? '' : `, takes back ${undoOf}`})`,
    ],
    [
      'decides',
      rule === null ? 'no rule' : `rule ${rule}${shadowed.length === 0 ? '' : `, before ${shadowed.join(', ')}`}`,
    ],
    ...(refusal === null ? [] : [['refused', `${refusal.code}: ${refusal.reason}`]]),
    ...(first === null ? [] : [['first', `${first.version} (${first.imageName}): ${first.reason}`]]),
    ...(job === null
      ? []
      : [['job', `${job.id}, ${job.state}${job.error === null ? '' : `: ${job.error.code}: ${job.error.message}`}`]]),
    ...(rollout === null ? [] : [['rollout', `${rollout.state}, at ${rollout.stage}: ${rollout.why}`]]),
    ['next', `${next}${when}`],
    ...(whyNotNow === null ? [] : [['why not now', whyNotNow]]),
  ]).map(printable);
}
