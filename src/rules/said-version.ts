/** What can stand for `{version}` in a rule's pattern when it is not known: it begins with a digit, or with a `v` before one. */
const ANY_VERSION = String.raw`v?\d[\w.+-]*`;

/**
 * The version that a text tells, by the pattern of a rule's version check. Null: none, or several that may be meant; of those with and
 * without dots, the ones with dots are. Pure.
 */
export function versionSaid(text: string, match: string): string | null {
  const trimmed = text.trim();
  if (new RegExp(`^${ANY_VERSION}$`).test(trimmed)) return trimmed;
  const [head = '', ...tails] = match.split('{version}');
  const pattern = `${head}(?<dropflashSaid>${ANY_VERSION})${tails.join(String.raw`\k<dropflashSaid>`)}`;
  const found = [...text.matchAll(new RegExp(pattern, 'gm'))].flatMap(({ groups }) => groups?.['dropflashSaid'] ?? []);
  const said = [...new Set(found.map((version) => version.replace(/[.+-]+$/, '')))];
  return only(said) ?? only(said.filter((version) => version.includes('.')));
}

function only(versions: readonly string[]): string | null {
  const [version] = versions;
  return versions.length === 1 ? (version ?? null) : null;
}
