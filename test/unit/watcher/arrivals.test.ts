import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { Arrivals } from '../../../src/watcher/arrivals.ts';
import { entryNameOf } from '../../../src/watcher/entry-name.ts';
import { OpenWriters } from '../../../src/watcher/open-writers.ts';
import { type Snapshot, snapshotOf } from '../../../src/watcher/snapshot.ts';
import { temporaryFolder } from './support.ts';

const APP = entryNameOf('app.bin');
const SNAPSHOT: Snapshot = { sizeBytes: 1, mtimeNs: 1n, ctimeNs: 1n, birthtimeNs: 1n, inode: 5n, volume: 1n };

describe('the events of Linux', () => {
  it('tell a file that was moved into place', () => {
    const arrivals = new Arrivals('linux');
    arrivals.note(APP, false);
    expect(arrivals.wasMoved(APP, SNAPSHOT)).toBe(true);
  });

  it('take it back with the first write', () => {
    const arrivals = new Arrivals('linux');
    arrivals.note(APP, false);
    arrivals.note(APP, true);
    expect(arrivals.wasMoved(APP, SNAPSHOT)).toBe(false);
  });

  it('say nothing of a file that was there before', () => {
    expect(new Arrivals('linux').wasMoved(APP, SNAPSHOT)).toBe(false);
  });

  it('say nothing of a file that dropflash itself put back', () => {
    const arrivals = new Arrivals('linux');
    arrivals.noteReturned(APP, SNAPSHOT);
    arrivals.note(APP, false);
    expect(arrivals.wasMoved(APP, SNAPSHOT)).toBe(false);
    expect(arrivals.wasMoved(APP, { ...SNAPSHOT, inode: 6n })).toBe(true);
  });

  it('are forgotten with the name', () => {
    const arrivals = new Arrivals('linux');
    arrivals.note(APP, false);
    arrivals.retain(new Set());
    expect(arrivals.wasMoved(APP, SNAPSHOT)).toBe(false);
  });
});

it('the events of other systems are not believed: they report writes late or never', () => {
  for (const platform of ['darwin', 'win32', 'freebsd'] as const) {
    const arrivals = new Arrivals(platform);
    arrivals.note(APP, false);
    expect(arrivals.wasMoved(APP, SNAPSHOT)).toBe(false);
  }
});

describe('the name of an upload under way', () => {
  it('is remembered by its file, not by its inode number alone', async () => {
    await using folder = await temporaryFolder();
    const arrivals = new Arrivals('darwin');
    const [part, whole] = [`${folder.path}/app.bin.part`, `${folder.path}/app.bin`];
    await writeFile(part, 'bytes');
    await arrivals.noteTemporary(folder.path, entryNameOf('app.bin.part'));
    await rename(part, whole);
    const moved = snapshotOf(await stat(whole, { bigint: true }));
    if (moved.birthtimeNs !== 0n) expect(arrivals.wasMoved(APP, moved)).toBe(true);
    await rm(whole);
    expect(arrivals.wasMoved(APP, { ...moved, birthtimeNs: moved.birthtimeNs + 1n })).toBe(false);
    expect(arrivals.wasMoved(APP, { ...moved, birthtimeNs: 0n })).toBe(false);
  });

  it.each([
    ['.app.bin.Xy3aB9', false],
    ['.app.bin.part', true],
    ['.other.bin.Xy3aB9', true],
    ['.in.app.bin.', true],
  ])('%s: a rename from there is proof: %s', async (temporary, isProof) => {
    await using folder = await temporaryFolder();
    const arrivals = new Arrivals('linux');
    await writeFile(`${folder.path}/${temporary}`, 'bytes');
    await arrivals.noteTemporary(folder.path, entryNameOf(temporary));
    await rename(`${folder.path}/${temporary}`, `${folder.path}/app.bin`);
    arrivals.note(APP, false);
    expect(arrivals.wasMoved(APP, snapshotOf(await stat(`${folder.path}/app.bin`, { bigint: true })))).toBe(isProof);
  });
});

describe('open writers', () => {
  it.runIf(process.platform === 'linux')('are seen while they hold a file, readers are not', async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/app.bin`;
    await writeFile(path, 'bytes');
    // Its time stands still: on a busy machine a look would end before it came to this process.
    const clock = { ...systemClock, monotonic: () => 0 };
    const isHeld = () => new OpenWriters(clock).hold(path);
    const reader = await open(path, 'r');
    expect(isHeld()).toBe(false);
    const writer = await open(path, 'a');
    expect(isHeld()).toBe(true);
    await writer.close();
    expect(isHeld()).toBe(false);
    await reader.close();
  });

  it('are nobody where the system does not tell', () => {
    expect(new OpenWriters(systemClock, 'win32').hold('C:\\drop\\app.bin')).toBe(false);
  });
});
