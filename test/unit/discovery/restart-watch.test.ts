import { describe, expect, it } from 'vitest';
import { RestartWatch } from '../../../src/discovery/restart-watch.ts';

const NOW = 1_000_000;

/** What happens, and how many milliseconds after the watch began. */
type Happening = readonly ['answers' | 'announces' | 'probes' | 'is lost', number];

function tell(watch: RestartWatch, [what, afterMs]: Happening): void {
  if (what === 'probes') watch.probed(NOW + afterMs);
  else if (what === 'is lost') watch.lost(NOW + afterMs);
  else watch.heard(NOW + afterMs, what === 'announces');
}

/** `none` where no start is seen in all of it. */
async function verdictOn(happenings: readonly Happening[]): Promise<string> {
  const watch = new RestartWatch(NOW);
  for (const happening of happenings) tell(watch, happening);
  const none = new Promise<{ readonly kind: 'none' }>((resolve) => setImmediate(() => resolve({ kind: 'none' })));
  const { kind } = await Promise.race([watch.evidence, none]);
  return kind;
}

describe('a device that ought to stay as it is', () => {
  it.each<[what: string, verdict: string, happenings: readonly Happening[]]>([
    ['that answers what others ask', 'none', [1_000, 2_000, 3_000].map((ms) => ['answers', ms])],
    ['that is heard unasked once in a while', 'none', [1_000, 8_000, 15_000].map((ms) => ['announces', ms])],
    ['that says one thing twice at once', 'none', [1_000, 1_020].map((ms) => ['announces', ms])],
    [
      'that started just before',
      'none',
      [
        ['probes', -500],
        ['announces', -200],
        ['announces', 800],
      ],
    ],
    ['that announces itself as at a start', 'announcement', [1_000, 2_000].map((ms) => ['announces', ms])],
    [
      'that probes for its own names and speaks',
      'announcement',
      [
        ['probes', 1_000],
        ['announces', 1_250],
      ],
    ],
    ['that probes and is gone before it speaks', 'none', [['probes', 1_000]]],
    [
      'that was lost and answers again',
      'silent-then-answered',
      [
        ['is lost', 1_000],
        ['answers', 60_000],
      ],
    ],
  ])('%s: %s', async (_what, verdict, happenings) => expect(await verdictOn(happenings)).toBe(verdict));
});
