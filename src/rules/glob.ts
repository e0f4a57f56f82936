import picomatch from 'picomatch';

/** Does this value match? It is given in lower case: the caller lowers each value once for many patterns. */
export type Glob = (lowered: string) => boolean;

/**
 * Names are not paths here: `*` crosses `/` and dots, and parentheses and a leading `!` mean themselves, as in
 * `sensor (1).bin`. Special are `*`, `?`, `[a-z]`, `{one,two}` and `\` before a character that is to mean itself.
 */
const OPTIONS: picomatch.PicomatchOptions = {
  bash: true,
  dot: true,
  noextglob: true,
  nonegate: true,
  flags: 's',
};

const SPECIAL = /[*?[\]{}\\]/;

/** Compiles a glob that ignores case. The forms that most rules have need no regular expression. */
export function compileGlob(written: string): Glob {
  const pattern = written.toLowerCase();
  if (isPlain(pattern)) return (lowered) => lowered === pattern;
  const head = pattern.slice(0, -1);
  if (pattern.endsWith('*') && isPlain(head)) return (lowered) => lowered.startsWith(head);
  const tail = pattern.slice(1);
  if (pattern.startsWith('*') && isPlain(tail)) return (lowered) => lowered.endsWith(tail);
  const middle = pattern.slice(1, -1);
  if (/^\*.*\*$/s.test(pattern) && isPlain(middle)) return (lowered) => lowered.includes(middle);
  const expression = picomatch.makeRe(literalMarks(pattern), OPTIONS);
  const begin = literalHead(pattern);
  return (lowered) => lowered.startsWith(begin) && expression.test(lowered);
}

/** What every match begins with, in lower case: `sensor-` of `Sensor-*`. */
export function literalHead(pattern: string): string {
  const special = pattern.search(SPECIAL);
  return (special === -1 ? pattern : pattern.slice(0, special)).toLowerCase();
}

/** Marks that picomatch would read as parts of a regular expression. One that is escaped already stays as it is. */
function literalMarks(pattern: string): string {
  return pattern.replace(/\\.|[()|+]/gs, (match) => (match.length === 1 ? `\\${match}` : match));
}

function isPlain(pattern: string): boolean {
  return !SPECIAL.test(pattern);
}
