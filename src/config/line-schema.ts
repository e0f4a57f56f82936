import * as z from 'zod';
import type { Proof } from '../model/proof.ts';
import {
  type BackupSettings,
  type BootCheck,
  type LineSettings,
  PORT_PROTOCOL,
  type UnitDataSource,
} from '../model/rule.ts';
import { duration, expecting, oneOf, path, refuse, text, wholeNumber, yesOrNo } from './values.ts';

/** What a rule has that does not work on plugging in. */
export const NO_LINE: LineSettings = { again: 'skip', bootCheck: null, unitData: null };

const pattern = (what: string) =>
  text(what).superRefine((source, context) => {
    try {
      new RegExp(source, 'm');
    } catch (error) {
      refuse(context, `expected ${what}; ${error instanceof Error ? error.message : String(error)}`);
    }
  });

const bootCheckSchema = z
  .strictObject(
    {
      expect: pattern('a regular expression')
        .optional()
        .describe('A regular expression that the boot text must match, within the time. ^ and $ stand for line ends.'),
      reject: pattern('a regular expression')
        .optional()
        .describe(
          'A regular expression that the boot text must not match. Without `expect`, the whole time is waited.',
        ),
      baud: wholeNumber(300, 4_000_000, 'baud').default(115_200).describe('The baud rate of the boot text.'),
      within: duration(100, 600_000).prefault('10s').describe('How long the boot text is read after the start.'),
    },
    expecting('a mapping with expect, reject, baud and within'),
  )
  .superRefine(({ expect, reject }, context) => {
    if (expect === undefined && reject === undefined)
      refuse(context, 'one of expect and reject is needed', 'CONFIG_MISSING_KEY');
  })
  .transform(
    ({ expect, reject, baud, within }): BootCheck => ({
      expect: expect ?? null,
      reject: reject ?? null,
      baudRate: baud,
      withinMs: within,
    }),
  );

const unitDataSchema = (resolvePath: (path: string) => string) =>
  z
    .strictObject(
      {
        template: path('the path of the NVS template', resolvePath).describe(
          'CSV in the format of nvs_partition_gen: the keys, and the values that all boards share (docs/nvs.md).',
        ),
        csv: path('the path of the table', resolvePath).describe(
          'CSV with one row for each board; its first column names the row. Read anew for each board.',
        ),
        series: text('a name')
          .default('units')
          .describe('Within one series no row is ever given to two boards, whatever tables it stands in.'),
        partition: text('the label of a partition').default('nvs').describe('The NVS partition, by its label.'),
      },
      expecting('a mapping with template and csv'),
    )
    .transform((source): UnitDataSource => source);

/** What happens to a board beyond writing it. */
export function lineSchema(resolvePath: (path: string) => string) {
  return z
    .strictObject(
      {
        again: oneOf(['skip', 'again', 'refuse'])
          .default('skip')
          .describe(
            'A board that has this release already. skip: it is started and left as it is; again: written anew; refuse: recorded as a mistake.',
          ),
        'boot-check': bootCheckSchema
          .optional()
          .describe('What the board must print, or must not, after its start. Without it: its boot text is not read.'),
        'unit-data': unitDataSchema(resolvePath)
          .optional()
          .describe('Values of its own for each board, such as a serial number, in an NVS partition.'),
      },
      expecting('a mapping with again, boot-check and unit-data'),
    )
    .transform(
      (line): LineSettings => ({
        again: line.again,
        bootCheck: line['boot-check'] ?? null,
        unitData: line['unit-data'] ?? null,
      }),
    );
}

const DEFAULT_KEEP = 3;

const backupMapping = z
  .strictObject(
    {
      before: yesOrNo()
        .default(true)
        .describe('Read the whole flash of each board into data/backups before it is written.'),
      keep: wholeNumber(1, 1000).default(DEFAULT_KEEP).describe('How many backups of each board are kept.'),
    },
    expecting('before, or a mapping with before and keep'),
  )
  .transform(({ before, keep }): BackupSettings | null => (before ? { keep } : null));

/** `backup: before`, or a mapping that says more. */
export const backupSchema = z.union(
  [z.literal('before').transform((): BackupSettings => ({ keep: DEFAULT_KEEP })), backupMapping],
  expecting('before, or a mapping with before and keep'),
);

/** What of a rule depends on whether it works on plugging in. */
interface LineRule {
  readonly when: { readonly kind: string };
  readonly update: { readonly protocol: string };
  readonly verify?: { readonly proof: Proof } | undefined;
  readonly line?: unknown;
  readonly backup?: unknown;
  readonly rollout?: unknown;
}

/**
 * Boards of the line come one by one, by hand; other devices are there, on a port or on the network. What is for the ones is an oversight on
 * the others.
 */
export function checkLineRule(rule: LineRule, context: z.RefinementCtx): void {
  const { when, update, line, backup, rollout } = rule;
  const conflict = (key: string, message: string) =>
    context.addIssue({ code: 'custom', path: [key], message, params: { code: 'CONFIG_CONFLICT' } });
  const isForLine = when.kind === 'attach';
  if (isForLine && update.protocol !== PORT_PROTOCOL)
    conflict('update', `"when: attach" needs { protocol: ${PORT_PROTOCOL} }; this is ${update.protocol}`);
  if (!isForLine && line !== undefined) conflict('line', 'only a rule with "when: attach" has a line');
  if (!isForLine && backup !== undefined)
    conflict('backup', 'only a rule with "when: attach" backs boards up; for one board there is `dropflash backup`');
  if (isForLine && rollout !== undefined)
    conflict('rollout', 'a rule with "when: attach" has no waves: boards come by hand');
  if (update.protocol === PORT_PROTOCOL && rule.verify !== undefined && BEYOND_A_PORT.includes(rule.verify.proof))
    conflict(
      'verify',
      `over a port the chip compares what was written: the proof is sent or accepted, and "${rule.verify.proof}" needs a network`,
    );
}

const BEYOND_A_PORT: readonly Proof[] = ['returned', 'verified', 'soaked'];
