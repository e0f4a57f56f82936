import type { Decision, Plan, RefusalCode, Rung } from '../model/plan.ts';

/** One line per device, aligned, and a line of totals: what `dropflash plan` prints. Control characters in names are made visible. */
export function describePlan(plan: Plan): string[] {
  const rows = plan.decisions.map(rowOf);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row.cells[column]?.length ?? 0)));
  return [
    headline(plan),
    ...rows.flatMap(({ cells, notes }) => [
      `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
      ...notes.map((note) => `      ${note}`),
    ]),
    totals(plan.decisions),
  ];
}

interface Row {
  readonly cells: readonly string[];
  readonly notes: readonly string[];
}

function headline({ image, rules }: Plan): string {
  const { kind, chip } = image.dossier;
  const what = chip === null ? kind : `${kind} for ${chip}`;
  const by = rules.length === 0 ? 'no rule accepts it' : `rules: ${rules.join(', ')}`;
  return printable(`${image.name} (${what}, ${image.sizeBytes.toLocaleString('en-US')} bytes): ${by}`);
}

function rowOf(decision: Decision): Row {
  const { device, rule, shadowed } = decision;
  const outcome = decision.kind === 'flash' ? ['flash', waiting(decision)] : ['leave', because(decision.refusal)];
  return {
    cells: [device.name, rule ?? '-', ...outcome].map(printable),
    notes: [
      ...(decision.kind === 'flash' && decision.first !== null ? [firstText(decision.first)] : []),
      ...(decision.kind === 'flash'
        ? decision.overridden.map((refusal) => `overridden by the rule: ${because(refusal)}`)
        : []),
      ...(shadowed.length === 0 ? [] : [`also matched, and does not decide: ${shadowed.join(', ')}`]),
    ].map(printable),
  };
}

function firstText({ version, image, reason }: Rung): string {
  return `first ${version} (${image.name}): ${reason}`;
}

function waiting({ device }: Decision): string {
  return device.presence === 'away' ? 'when it is back' : (device.address ?? device.serial?.path ?? '');
}

function because({ code, reason }: { readonly code: RefusalCode; readonly reason: string }): string {
  return `${code}: ${reason}`;
}

function totals(decisions: readonly Decision[]): string {
  const counts = new Map<string, number>();
  for (const decision of decisions) {
    const key = decision.kind === 'flash' ? 'to flash' : decision.refusal.code;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const flash = counts.get('to flash') ?? 0;
  counts.delete('to flash');
  const left = [...counts].sort(([a], [b]) => a.localeCompare(b, 'en')).map(([code, count]) => `${count} ${code}`);
  const devices = `${decisions.length} ${decisions.length === 1 ? 'device' : 'devices'}`;
  return `${devices}: ${flash} to flash, ${decisions.length - flash} left alone${left.length === 0 ? '' : ` (${left.join(', ')})`}`;
}

/** Device and file names come from the network and from strangers; a terminal must not obey them. */
function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
  );
}
