import * as z from 'zod';
import { FlashError } from '../errors.ts';
import type { ReleaseEntry, ReleaseManifest } from '../model/release-file.ts';
import { configKeys } from './json-schema.ts';
import { type Finding, formatPath, formatProblems, quote } from './problem.ts';
import { rolloutSchema } from './rollout-schema.ts';
import { shapeFindings } from './shape.ts';
import { expecting, listOf, refuse, text } from './values.ts';
import { parseYaml } from './yaml-source.ts';

const MOST_NOTES = 20_000;
const MOST_IMAGES = 100;

const imagePath = text('the path of an image beside this file').superRefine((path, context) => {
  const isOutside = path.startsWith('/') || /^[A-Za-z]:/.test(path) || path.split(/[\\/]/).includes('..');
  if (isOutside) refuse(context, `expected a path that stays beside this file, found ${quote(path)}`);
});

const hashWords = 'a SHA-256: 64 hex digits';
const imageSchema = z
  .strictObject(
    {
      file: imagePath.describe('Where the image is, seen from this file.'),
      sha256: text(hashWords)
        .regex(/^[0-9a-fA-F]{64}$/, expecting(hashWords))
        .optional()
        .describe('What its bytes must have. Without it: whatever stands there.'),
      rules: listOf(text('the name of a rule'), 'rule names')
        .min(1, { error: 'expected at least one rule; leave rules out to have all that take the image' })
        .optional()
        .describe('The rules that are to take it. Without it: all that do.'),
    },
    expecting('a mapping with file, sha256 and rules'),
  )
  .transform(
    ({ file, sha256, rules }): ReleaseEntry => ({
      file,
      sha256: sha256?.toLowerCase() ?? null,
      rules: rules ?? null,
    }),
  );

/** `release.yaml`. */
const releaseSchema = z
  .strictObject(
    {
      name: text('a name').optional().describe('What people call this release.'),
      version: text('a version such as "2.4.0"').optional().describe('Its version, for people.'),
      notes: z
        .string(expecting('text'))
        .max(MOST_NOTES, expecting(`text of at most ${MOST_NOTES} characters`))
        .optional()
        .describe('What has changed, for people.'),
      images: listOf(imageSchema, 'images')
        .min(1, { error: 'expected at least one image' })
        .max(MOST_IMAGES, { error: `expected at most ${MOST_IMAGES} images` })
        .describe('The images that belong together.'),
      rollout: rolloutSchema
        .optional()
        .describe('One rollout over all images, instead of those of the rules. Without it: each rule has its own.'),
    },
    expecting('a mapping with images'),
  )
  .transform(
    ({ name, version, notes, images, rollout }): ReleaseManifest => ({
      name: name ?? null,
      version: version ?? null,
      notes: notes ?? null,
      images,
      rollout: rollout ?? null,
    }),
  );

/**
 * Reads a release file. `file` names it in messages, `rules` are those that it may name; null: any. Throws RELEASE_INVALID with every problem, as
 * lines in the manner of the config's.
 */
export function parseReleaseFile(source: string, file: string, rules: readonly string[] | null): ReleaseManifest {
  const yaml = parseYaml(source.replace(/^\uFEFF/, ''));
  const shape = yaml.value === undefined ? null : releaseSchema.safeParse(yaml.value);
  const findings = [
    ...(shape === null || shape.success ? [] : shapeFindings(shape.error, yaml.value, knownKeys())),
    ...(shape?.success ? meaningOf(shape.data, rules) : []),
  ];
  const problems = [
    ...yaml.problems.map((problem) => ({ ...problem, file, path: '' })),
    ...findings.map(({ path, at, code, message }) => ({
      ...yaml.locate(path, at),
      file,
      path: formatPath(path),
      code,
      message,
    })),
  ].sort((left, right) => left.line - right.line || left.column - right.column);
  if (shape?.success && problems.length === 0) return shape.data;
  const lines = formatProblems(problems).map((line) => line.replaceAll(/ {2,}/g, ' '));
  throw new FlashError('RELEASE_INVALID', lines.join('; '), { details: { problems: lines } });
}

const knownKeys = () => {
  const schema = z.toJSONSchema(releaseSchema, { io: 'input', target: 'draft-7' });
  return configKeys(schema as Parameters<typeof configKeys>[0]).map(({ path }) => path);
};

function meaningOf({ images }: ReleaseManifest, rules: readonly string[] | null): Finding[] {
  const files = images.map(({ file }) => file);
  const repeated = files.flatMap((file, index): Finding[] => {
    const first = files.indexOf(file);
    const message = `${quote(file)} is images[${first}] already`;
    return first === index ? [] : [{ path: ['images', index, 'file'], at: 'value', code: 'CONFIG_DUPLICATE', message }];
  });
  if (rules === null) return repeated;
  const known = rules.length === 0 ? 'the config has none' : `the config has ${rules.map(quote).join(', ')}`;
  const strangers = images.flatMap((image, index) =>
    (image.rules ?? []).flatMap((rule, nth): Finding[] => {
      const path = ['images', index, 'rules', nth];
      const message = `there is no rule ${quote(rule)}; ${known}`;
      return rules.includes(rule) ? [] : [{ path, at: 'value', code: 'CONFIG_BAD_VALUE', message }];
    }),
  );
  return [...repeated, ...strangers];
}
