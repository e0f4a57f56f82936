import { describe, expect, it } from 'vitest';
import { parseReleaseFile } from '../../../src/config/release-file.ts';
import { FlashError } from '../../../src/errors.ts';

const RULES = ['sensors', 'gateways'];

const GOOD = `name: Garden, June
version: "2.4.0"
notes: |
  Sleeps longer.
  Wakes faster.
images:
  - file: sensor-2.4.0.bin
    sha256: ${'AB'.repeat(32)}
    rules: [sensors]
  - file: gateway/gateway-2.4.0.bin
rollout: { canary: 1, waves: [10%, 100%], soak: 30m }
`;

function problemsOf(text: string): string[] {
  try {
    parseReleaseFile(text, 'release.yaml', RULES);
    return [];
  } catch (error) {
    if (!(error instanceof FlashError)) throw error;
    expect(error.code).toBe('RELEASE_INVALID');
    return error.message.split('; ');
  }
}

describe('a release file', () => {
  it('says which images belong together, and how they are rolled out', () => {
    expect(parseReleaseFile(GOOD, 'release.yaml', RULES)).toEqual({
      name: 'Garden, June',
      version: '2.4.0',
      notes: 'Sleeps longer.\nWakes faster.\n',
      images: [
        { file: 'sensor-2.4.0.bin', sha256: 'ab'.repeat(32), rules: ['sensors'] },
        { file: 'gateway/gateway-2.4.0.bin', sha256: null, rules: null },
      ],
      rollout: {
        canary: { by: 'count', count: 1 },
        waves: { by: 'list', sizes: [10, 100].map((amount) => ({ unit: 'percent', amount })) },
        soakMs: 1_800_000,
        stopAt: { failures: 1, percent: null },
        pauseAfter: null,
      },
    });
  });

  it('needs nothing but images', () => {
    const { images, ...rest } = parseReleaseFile('images: [{ file: a.bin }]', 'release.yaml', []);
    expect(images).toEqual([{ file: 'a.bin', sha256: null, rules: null }]);
    expect(rest).toEqual({ name: null, version: null, notes: null, rollout: null });
  });

  it.each([
    ['no images', 'name: x', ['release.yaml:1:1 images CONFIG_MISSING_KEY missing; expected a list of images']],
    ['an empty list', 'images: []', ['release.yaml:1:9 images CONFIG_BAD_VALUE expected at least one image']],
    [
      'a key mistyped',
      'images:\n  - { fil: a.bin }',
      [/release\.yaml:2:7 images\[0\]\.fil CONFIG_UNKNOWN_KEY unknown key/, /did you mean/],
    ],
    [
      'a number for a version',
      'version: 2.4\nimages: [{ file: a.bin }]',
      [/^release\.yaml:1:10 version CONFIG_WRONG_TYPE .*put it in quotes$/],
    ],
    [
      'a hash that is none',
      'images: [{ file: a.bin, sha256: abc }]',
      [/^release\.yaml:1:33 images\[0\]\.sha256 CONFIG_BAD_VALUE expected a SHA-256/],
    ],
    [
      'a path that leads out',
      'images: [{ file: ../a.bin }]',
      [/^release\.yaml:1:18 images\[0\]\.file CONFIG_BAD_VALUE expected a path that stays beside/],
    ],
    [
      'a file twice',
      'images: [{ file: a.bin }, { file: a.bin }]',
      [/images\[1\]\.file CONFIG_DUPLICATE "a\.bin" is images\[0\] already/],
    ],
    [
      'a rule that is not there',
      'images: [{ file: a.bin, rules: [sensor] }]',
      [/^release\.yaml:1:33 images\[0\]\.rules\[0\] CONFIG_BAD_VALUE there is no rule "sensor"/],
    ],
    [
      'waves that leave some out',
      'images: [{ file: a.bin }]\nrollout: { waves: [10%] }',
      [/^release\.yaml:2:19 rollout\.waves CONFIG_BAD_VALUE expected 100%/],
    ],
    ['what is no YAML', 'images: [', [/^release\.yaml:1:\d+ - CONFIG_SYNTAX/]],
  ])('with %s is refused at its place', (_what, text, expected) => {
    const lines = problemsOf(text).join('; ');
    for (const part of expected) typeof part === 'string' ? expect(lines).toContain(part) : expect(lines).toMatch(part);
  });

  it('tells all of its problems at once', () => {
    expect(problemsOf('nam: x\nimages:\n  - { file: /etc/passwd, rules: [] }\n').length).toBeGreaterThanOrEqual(3);
  });
});
