import { isAlias, isMap, isNode, isScalar, isSeq, parseDocument, visit, type YAMLError } from 'yaml';
import type { ConfigProblem, Finding, KeyPath } from './problem.ts';

/** From 1, as editors count. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A problem of the YAML itself, which has a position and no path. */
export type SyntaxProblem = Position & Pick<ConfigProblem, 'code' | 'message'>;

/** A parsed text that still knows where each value stood. */
export interface YamlSource {
  /** The data, or undefined where the text is too broken to have any. */
  readonly value: unknown;
  readonly problems: readonly SyntaxProblem[];
  /** Where a value or its key stands; of what is not there, the nearest place above it. */
  locate(path: KeyPath, at: Finding['at']): Position;
}

type YamlDocument = ReturnType<typeof parseDocument>;

/** More than any config needs, and far too few for "a billion laughs". */
const MAX_ALIASES = 1000;

/** Reads one YAML document. Never throws. */
export function parseYaml(text: string): YamlSource {
  const positionAt = positionsOf(text);
  try {
    // Pretty errors quote the source, and the line they quote may hold a password.
    const document = parseDocument(text, {
      prettyErrors: false,
      logLevel: 'error',
      stringKeys: true,
    });
    const errors = [...document.errors, ...document.warnings].map(({ code, pos }): PlacedError => {
      return { code, position: positionAt(pos[0]) };
    });
    const isReliable = errors.every(({ code }) => code === 'DUPLICATE_KEY');
    const lost = isReliable ? aliasesWithoutAnchor(document).map((offset) => lostAlias(positionAt(offset))) : [];
    return {
      value: isReliable && lost.length === 0 ? document.toJS({ maxAliasCount: MAX_ALIASES }) : undefined,
      problems: [...withoutConsequences(errors), ...lost].map(({ code, position }) => ({
        ...position,
        code: code === 'DUPLICATE_KEY' ? 'CONFIG_DUPLICATE' : 'CONFIG_SYNTAX',
        message: SENTENCES[code],
      })),
      locate: (path, at) => positionAt(offsetOf(document, path, at)),
    };
  } catch (error) {
    const start = { line: 1, column: 1 };
    const problem: SyntaxProblem = { ...start, code: 'CONFIG_SYNTAX', message: explainThrown(error) };
    return { value: undefined, problems: [problem], locate: () => start };
  }
}

/** Line and column of an offset. The parser's own counter loses lines once it has met an error. */
function positionsOf(text: string): (offset: number) => Position {
  const starts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
  return (offset) => {
    const inside = Math.min(offset, text.length);
    const line = starts.findLastIndex((start) => start <= inside);
    return { line: line + 1, column: inside - (starts[line] ?? 0) + 1 };
  };
}

/** Further errors on one line, and leftovers after an earlier error, are nearly always consequences. */
function withoutConsequences(errors: readonly PlacedError[]): PlacedError[] {
  const lines = new Set<number>();
  return errors.filter(({ code, position: { line } }, index) => {
    const isLeftover = index > 0 && code === 'UNEXPECTED_TOKEN';
    return !isLeftover && !lines.has(line) && lines.add(line);
  });
}

interface PlacedError {
  readonly code: YAMLError['code'];
  readonly position: Position;
}

/** The parser throws where a document would cost too much: too many aliases, or nesting beyond its own stack. */
function explainThrown(error: unknown): string {
  return error instanceof ReferenceError
    ? `the aliases (*) of this file stand for more than ${MAX_ALIASES} values`
    : 'this YAML cannot be read; it may be nested too deeply';
}

const lostAlias = (position: Position): PlacedError => ({ code: 'BAD_ALIAS', position });

function aliasesWithoutAnchor(document: YamlDocument): number[] {
  const offsets: number[] = [];
  visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document) === undefined) offsets.push(alias.range?.[0] ?? 0);
    },
  });
  return offsets;
}

/** Follows `path` as far as it goes; where the walk ends is the best place to point at. */
function offsetOf(document: YamlDocument, path: KeyPath, at: Finding['at']): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    const child = childOf(isAlias(node) ? node.resolve(document) : node, step);
    if (child === undefined) break;
    const wantsKey = at === 'key' && depth === path.length - 1;
    const [first, second] = wantsKey ? [child.key, child.value] : [child.value, child.key];
    offset = startOf(first) ?? startOf(second) ?? offset;
    node = child.value;
  }
  return offset;
}

function childOf(
  node: unknown,
  step: string | number,
): { readonly key?: unknown; readonly value: unknown } | undefined {
  if (isSeq(node)) return { value: node.items[Number(step)] };
  if (!isMap(node)) return undefined;
  return node.items.find(({ key }) => isScalar(key) && key.value === step);
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

/** The parser's messages may quote the file, and so a password; these do not. */
const SENTENCES: Readonly<Record<YAMLError['code'], string>> = {
  ALIAS_PROPS: 'an alias (*) takes no anchor or tag of its own',
  BAD_ALIAS: 'this alias (*) has no anchor (&) before it; put a text that begins with * in quotes',
  BAD_COLLECTION_TYPE: 'this tag (!) does not fit the kind of value that follows it',
  BAD_DIRECTIVE: 'a line that begins with % is a YAML directive, and this one is not known',
  BAD_DQ_ESCAPE: 'unknown escape after \\ in a text in double quotes; write \\\\ or use single quotes',
  BAD_INDENT: 'this line is indented too little or too much for its place',
  BAD_PROP_ORDER: 'anchor (&) and tag (!) stand in the wrong order',
  BAD_SCALAR_START: 'a text that begins with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping cannot begin on the line of another key; put it on a line of its own',
  BLOCK_IN_FLOW: 'between { } or [ ] only commas separate values; this begins a block',
  DUPLICATE_KEY: 'this key stands in the same mapping already',
  IMPOSSIBLE: 'this is no YAML',
  KEY_OVER_1024_CHARS: 'this key is longer than 1024 characters; a colon may be missing further up',
  MISSING_CHAR: 'a character is missing here, such as a closing quote or bracket, a comma, or a space after a colon',
  MULTILINE_IMPLICIT_KEY: 'a key must end on the line it begins on; a colon may be missing, or a quote open',
  MULTIPLE_ANCHORS: 'a value takes one anchor (&) only',
  MULTIPLE_DOCS: 'the file holds more than one document; remove the line ---',
  MULTIPLE_TAGS: 'a value takes one tag (!) only',
  NON_STRING_KEY: 'a key must be plain text',
  RESOURCE_EXHAUSTION: 'this YAML is nested too deeply',
  TAB_AS_INDENT: 'a tab cannot indent YAML; use spaces',
  TAG_RESOLVE_FAILED: 'unknown tag; put a text that begins with ! in quotes',
  UNEXPECTED_TOKEN: 'this does not belong here; a quote, a bracket or an indentation before it may be wrong',
};
