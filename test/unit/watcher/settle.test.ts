import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../src/firmware/dossier.ts';
import {
  type ContentVerdict,
  contentVerdict,
  decide,
  type FileHistory,
  type Look,
  observe,
} from '../../../src/watcher/settle.ts';
import type { SidecarState } from '../../../src/watcher/sidecar.ts';
import type { Snapshot } from '../../../src/watcher/snapshot.ts';
import {
  buildEsp32App,
  buildEsp8266App,
  buildMerged,
  gzipOf,
  signArduino,
  signSecureBootV2,
} from '../../fixtures/images.ts';
import { runs } from '../../runs.ts';
import { rawBytes, sha256Of } from './support.ts';

const TIMES = { settleMs: 2_000, confirmMs: 60 };

function snapshot(sizeBytes: number, version = 0): Snapshot {
  return { sizeBytes, mtimeNs: BigInt(version), ctimeNs: BigInt(version), birthtimeNs: 1n, inode: 7n, volume: 1n };
}

function look(overrides: Partial<Look> = {}): Look {
  return { snapshot: snapshot(100), sidecar: null, wasMoved: false, ...overrides };
}

function seen(overrides: Partial<FileHistory>): FileHistory {
  return { ...observe(null, look(), 0), ...overrides };
}

function examined(verdict: ContentVerdict, sha256 = 'aa'): Partial<FileHistory> {
  return { examination: { sha256, verdict } };
}

function sidecar(sha256: string | null): SidecarState {
  return { sha256, snapshot: snapshot(64) };
}

describe('decide', () => {
  it.each([
    ['a new file is not read before it has stood still for a moment', seen({}), 59, { action: 'wait', untilMs: 60 }],
    ['then it is', seen({}), 60, { action: 'examine' }],
    ['one renamed into place is read at once', seen({ wasMoved: true }), 0, { action: 'examine' }],
    ['but not once it was seen to change', seen({ wasMoved: true, changes: 1 }), 0, { action: 'wait', untilMs: 60 }],
    ['whole content is enough', seen(examined('whole')), 60, { action: 'take', proof: 'whole' }],
    [
      'whole content is enough at once after a rename',
      seen({ wasMoved: true, ...examined('whole') }),
      0,
      { action: 'take', proof: 'whole' },
    ],
    [
      'a writer that makes pauses is given twice the longest',
      seen({ longestPauseMs: 300, ...examined('whole') }),
      599,
      { action: 'wait', untilMs: 600 },
    ],
    [
      'but never more than the settle time',
      seen({ longestPauseMs: 5_000, ...examined('whole') }),
      2_000,
      { action: 'take', proof: 'whole' },
    ],
    ['content that could go on waits', seen(examined('open')), 1_999, { action: 'wait', untilMs: 2_000 }],
    ['until it has settled', seen(examined('open')), 2_000, { action: 'take', proof: 'settled' }],
    [
      "a rename is its writer's word",
      seen({ wasMoved: true, ...examined('open') }),
      60,
      { action: 'take', proof: 'moved' },
    ],
    [
      'and at once where the content agrees with it',
      seen({ wasMoved: true, ...examined('plausible') }),
      0,
      { action: 'take', proof: 'moved' },
    ],
    [
      'but not where the file has changed since',
      seen({ wasMoved: true, changes: 1, ...examined('plausible') }),
      59,
      { action: 'wait', untilMs: 60 },
    ],
    [
      'content that only seems to be whole settles',
      seen(examined('plausible')),
      1_999,
      { action: 'wait', untilMs: 2_000 },
    ],
    [
      'what a broken connection left waits for the rest',
      seen(examined('cut')),
      29_999,
      { action: 'wait', untilMs: 30_000 },
    ],
    ['but not for ever', seen(examined('cut')), 30_000, { action: 'take', proof: 'settled' }],
    [
      'unless its writer says that this is all',
      seen({ wasMoved: true, ...examined('cut') }),
      2_000,
      { action: 'take', proof: 'settled' },
    ],
    [
      'half an image gets three times the patience',
      seen(examined('unfinished')),
      5_999,
      { action: 'wait', untilMs: 6_000 },
    ],
    ['and is then taken for what it is', seen(examined('unfinished')), 6_000, { action: 'take', proof: 'settled' }],
    [
      'half an image renamed into place settles only',
      seen({ wasMoved: true, ...examined('unfinished') }),
      2_000,
      { action: 'take', proof: 'settled' },
    ],
    [
      'the right sidecar takes anything',
      seen({ sidecar: sidecar('aa'), ...examined('unfinished') }),
      60,
      { action: 'take', proof: 'sidecar' },
    ],
    [
      'the wrong sidecar stops even a whole image',
      seen({ sidecar: sidecar('bb'), wasMoved: true, ...examined('whole') }),
      1_999,
      { action: 'wait', untilMs: 2_000 },
    ],
    [
      'and refuses it in the end',
      seen({ sidecar: sidecar('bb'), ...examined('whole') }),
      2_000,
      { action: 'refuse', sidecarSha256: 'bb' },
    ],
    [
      'as does one that holds no hash',
      seen({ sidecar: sidecar(null), ...examined('whole') }),
      2_000,
      { action: 'refuse', sidecarSha256: null },
    ],
    [
      'a file too large to be read has no hash to be right',
      seen({ sidecar: sidecar(null), examination: { sha256: null, verdict: 'open' } }),
      2_000,
      { action: 'refuse', sidecarSha256: null },
    ],
    ['an empty file waits', seen({ snapshot: snapshot(0) }), 10, { action: 'wait', untilMs: 2_000 }],
    ['and is left', seen({ snapshot: snapshot(0) }), 2_000, { action: 'leave' }],
  ] as const)('%s', (_, history, nowMs, expected) => {
    expect(decide(history, nowMs, TIMES)).toEqual(expected);
  });
});

describe('observe', () => {
  const known = seen({ ...examined('open'), unchangedSinceMs: 5 });

  it('keeps what is known while nothing changes', () => {
    expect(observe(known, look(), 900)).toBe(known);
  });

  it.each([
    ['size', { sizeBytes: 101 }],
    ['modification time', { mtimeNs: 1n }],
    ['status time, which Samba cannot set back', { ctimeNs: 1n }],
    ['inode', { inode: 8n }],
  ])('starts again when its %s changes', (_, change) => {
    const next = observe(known, look({ snapshot: { ...snapshot(100), ...change } }), 900);
    expect(next).toMatchObject({ unchangedSinceMs: 900, changes: 1, examination: null, firstSeenMs: 0 });
  });

  it('waits anew for a new sidecar, but does not read the file again', () => {
    const next = observe(known, look({ sidecar: sidecar('bb') }), 900);
    expect(next).toMatchObject({ unchangedSinceMs: 900, examination: known.examination });
  });

  it('takes back the word of a rename when the file is written to', () => {
    expect(observe(seen({ wasMoved: true }), look({ wasMoved: false }), 5).wasMoved).toBe(false);
  });
});

/** What a writer does: after `pauseMs` it has written up to `upTo` bytes. */
interface Write {
  readonly pauseMs: number;
  readonly upTo: number;
}

interface Outcome {
  readonly takenAtMs: number;
  readonly bytes: Uint8Array;
}

/** A file that grows by a schedule, as it is at any time. */
class Writer {
  readonly #image: Uint8Array;
  readonly #isPreallocated: boolean;
  readonly #steps: readonly { readonly atMs: number; readonly upTo: number }[];

  constructor(image: Uint8Array, writes: readonly Write[], isPreallocated: boolean) {
    let atMs = 0;
    this.#image = image;
    this.#isPreallocated = isPreallocated;
    this.#steps = writes.map(({ pauseMs, upTo }) => {
      atMs += pauseMs;
      return { atMs, upTo };
    });
  }

  get finishedMs(): number {
    return this.#steps.at(-1)?.atMs ?? 0;
  }

  nextWriteAfter(nowMs: number): number {
    return this.#steps.find(({ atMs }) => atMs > nowMs)?.atMs ?? Infinity;
  }

  at(nowMs: number): { readonly bytes: Uint8Array; readonly snapshot: Snapshot } {
    const done = this.#steps.filter(({ atMs }) => atMs <= nowMs);
    const written = this.#image.subarray(0, done.at(-1)?.upTo ?? 0);
    const bytes = new Uint8Array(this.#isPreallocated ? this.#image.length : written.length);
    bytes.set(written);
    return { bytes, snapshot: snapshot(bytes.length, done.length) };
  }
}

/** Has `decide` look when it asks to, and `lookDelayMs` after each write, as hints do. */
function watchWriter(writer: Writer, lookDelayMs: number): Outcome {
  let nowMs = 0;
  let history: FileHistory | null = null;
  for (;;) {
    const { bytes, snapshot } = writer.at(nowMs);
    history = observe(history, look({ snapshot }), nowMs);
    let decision = decide(history, nowMs, TIMES);
    if (decision.action === 'examine') {
      history = { ...history, examination: { sha256: '', verdict: contentVerdict(readDossier(bytes, 'writer.bin')) } };
      decision = decide(history, nowMs, TIMES);
    }
    if (decision.action === 'take') return { takenAtMs: nowMs, bytes };
    const dueMs = decision.action === 'wait' ? decision.untilMs : Infinity;
    nowMs = Math.min(dueMs, writer.nextWriteAfter(nowMs) + lookDelayMs);
    if (nowMs === Infinity) throw new Error('never taken');
  }
}

const ESP32 = buildEsp32App({ sizeBytes: 9_000 });
const ESP8266 = buildEsp8266App({ sizeBytes: 12_000 });
const IMAGES: Readonly<Record<string, Uint8Array>> = {
  'esp32 application': ESP32,
  'eboot, then the esp8266 application': ESP8266,
  'bootloader, table and application in one': buildMerged(),
  'esp32 application, then its signature': signSecureBootV2(ESP32),
  'esp8266 application, then its signature': signArduino(ESP8266),
  gzip: gzipOf(ESP8266),
  raw: rawBytes(3, 9_000),
};

/**
 * Where such a file might pause: after any block, and where a part of it ends. Left out is the one place where nothing in the bytes
 * tells that more will come: behind an application that ends within a block, with the signature still to be appended. A writer
 * who stays away for longer than the confirmation just there must hold the file open, write under another name, or use a sidecar.
 */
const CUTS = [16, 512, 1_460, 4_096, 8_192, 0x8000, 0x9000, 0x10000];
const UNSIGNED_ENDS = new Set([ESP32.length, ESP8266.length]);

function schedules(image: Uint8Array): fc.Arbitrary<Write[]> {
  const cuts = [...CUTS, image.length - 32, image.length - 1].filter((at) => at > 0 && at < image.length);
  const write = fc.record({
    pauseMs: fc.integer({ min: 0, max: TIMES.settleMs - 40 }),
    upTo: fc
      .oneof(fc.constantFrom(...cuts), fc.integer({ min: 1, max: image.length - 1 }))
      .filter((at) => !UNSIGNED_ENDS.has(at)),
  });
  return fc
    .tuple(fc.array(write, { maxLength: 8 }), fc.integer({ min: 0, max: TIMES.settleMs - 40 }))
    .map(([writes, pauseMs]) => [
      ...writes.sort((one, other) => one.upTo - other.upTo),
      { pauseMs, upTo: image.length },
    ]);
}

describe('no schedule of a writer that pauses for less than the settle time gets its file taken too early', () => {
  for (const [name, image] of Object.entries(IMAGES)) {
    for (const isPreallocated of [false, true]) {
      it(`${name}, ${isPreallocated ? 'preallocated' : 'growing'}`, () => {
        fc.assert(
          fc.property(schedules(image), fc.integer({ min: 0, max: 30 }), (writes, lookDelayMs) => {
            const writer = new Writer(image, writes, isPreallocated);
            const { bytes, takenAtMs } = watchWriter(writer, lookDelayMs);
            expect(sha256Of(bytes)).toBe(sha256Of(image));
            expect(takenAtMs).toBeLessThanOrEqual(writer.finishedMs + lookDelayMs + 3 * TIMES.settleMs);
          }),
          runs(25),
        );
      });
    }
  }
});
