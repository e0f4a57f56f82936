import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext, vi } from 'vitest';
import { readBackup } from '../../../src/jobs/backup/backup-file.ts';
import type { BoardSpec } from '../../../src/simulator/chip/chips.ts';
import { readNvs } from '../../devices/nvs-reader.ts';
import { buildZip } from '../../fixtures/images/archives.ts';
import { buildSmallMerged } from '../../fixtures/images/flash-map.ts';
import { espIdfBuild } from '../../fixtures/images/packages.ts';
import { firmwareFor } from '../serial/desk.ts';
import { FAULTY_BOARDS } from '../serial/faults.ts';
import { LineSite } from './site.ts';

async function openSite(specs: readonly BoardSpec[], { onTestFinished }: TestContext): Promise<LineSite> {
  const site = await LineSite.open(specs);
  onTestFinished(() => site.close());
  return site;
}

const RULE = 'when: attach, firmware: { file: "*" }, devices: { name: "*" }, update: { protocol: serial }';
const MERGED = buildSmallMerged({ chip: 'esp32c3' });
const SMALL = { chip: 'esp32c3', flashBytes: 0x100000 } as const;

describe.concurrent('the line with simulated boards', () => {
  it('backs up, writes, verifies, reads the boot text, and is ready for the next board', async (context) => {
    const specs = [
      { ...SMALL, name: 'first', appText: 'ready v2\r\n' },
      { ...SMALL, name: 'next', appText: 'Guru Meditation\r\n' },
    ];
    const site = await openSite(specs, context);
    const [board, next] = [site.chips.board('first'), site.chips.board('next')];
    const before = Buffer.from(board.flash);
    site.plug('1-1', board);
    const check = 'boot-check: { expect: "ready v2", reject: "Guru", within: 60s }';
    await site.start(`${RULE}, line: { ${check} }, backup: { keep: 1 }`);
    site.drop('factory.bin', MERGED);
    const [unit] = await site.ended(1);
    expect(unit).toMatchObject({ slot: 'usb:1-1', state: 'succeeded', board: { mac: board.mac, chip: 'esp32c3' } });
    expect(Buffer.from(board.flash).subarray(0, MERGED.length).equals(MERGED)).toBe(true);
    expect(unit?.logExcerpt).toContain('ready v2');
    expect(before.equals((await readBackup(unit?.backup ?? '')).bytes)).toBe(true);
    await vi.waitFor(
      () => expect(existsSync(join(site.folder, 'drop/done/factory.bin.result.json'))).toBe(true),
      30_000,
    );

    site.unplug('1-1');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    site.plug('1-1', next);
    const [, second] = await site.ended(2);
    expect(second).toMatchObject({ state: 'failed', board: { mac: next.mac }, error: { code: 'LINE_BOOT_REJECTED' } });
  });

  it('writes a package as what it has for the chip, and tells a hook', async (context) => {
    const site = await openSite([{ name: 'one', chip: 'esp32c3' }], context);
    const board = site.chips.board('one');
    const told = join(site.folder, 'told.json');
    await site.start(
      RULE,
      `hooks: [{ on: [unit.succeeded], run: [sh, -c, 'cat > ${told}.part && mv ${told}.part ${told}'] }]`,
    );
    site.drop('build.zip', buildZip(espIdfBuild()));
    site.plug('1-1', board);
    const [unit] = await site.ended(1);
    expect(unit?.error).toBeNull();
    expect(unit?.images.map(({ offset }) => offset)).toContain(0x8000);
    await vi.waitFor(() => expect(existsSync(told)).toBe(true), { timeout: 60_000, interval: 50 });
    expect(JSON.parse(readFileSync(told, 'utf8'))).toMatchObject({ event: 'unit.succeeded', mac: board.mac });
  });

  it('serves sixteen at once, each with a row of its own', async (context) => {
    const specs = Array.from(
      { length: 16 },
      (_, n): BoardSpec => ({ ...SMALL, name: `b${n}`, chip: n % 2 ? 'esp32' : 'esp32c3' }),
    );
    const site = await openSite(specs, context);
    site.write('template.csv', 'key,type,encoding,value\nfactory,namespace,,\nserial,data,string,\n');
    site.write('units.csv', `serial\n${specs.map((_, n) => `SN-${n}`).join('\n')}\n`);
    await site.start(`${RULE}, line: { unit-data: { template: template.csv, csv: units.csv } }`);
    site.drop('c3.bin', MERGED);
    site.drop('esp32.bin', buildSmallMerged({ chip: 'esp32' }));
    for (const [n, board] of site.chips.boards.entries()) site.plug(`1-${n + 1}`, board);
    const units = await site.ended(16);
    expect(units.map(({ state, error }) => error?.message ?? state)).toEqual(specs.map(() => 'succeeded'));
    const serials = site.chips.boards.map((board) => {
      const serial = readNvs(board.flash.subarray(0x9000, 0xe000))[0]?.value;
      const row = site.look((journal) => journal.unitRows.ofBoard('units', board.mac));
      expect(row).toMatchObject({ key: serial, state: 'verified' });
      return serial;
    });
    expect(new Set(serials).size).toBe(16);
    expect(readFileSync(join(site.folder, 'units.csv'), 'utf8')).toContain('SN-15');
  });

  it('gives each fault its outcome, and lets no board wait for another that is not well', async (context) => {
    const specs = [...FAULTY_BOARDS, { name: 'well', spec: {}, outcome: 'written' as const }];
    const image = Buffer.from(firmwareFor('esp32c3', 0x10000));
    const site = await openSite(
      specs.map(({ name, spec }) => ({ ...SMALL, ...spec, name })),
      context,
    );
    for (const [n, board] of site.chips.boards.entries()) site.plug(`1-${n + 1}`, board);
    await site.start(RULE);
    site.drop('factory.bin', image);
    const units = await site.ended(specs.length);
    const outcomes = specs.map(({ name }, n) => {
      const { error, state } = units.find(({ slot }) => slot === `usb:1-${n + 1}`) ?? {};
      // A failure says what the board needs.
      return { name, outcome: error?.code ?? state, hint: error == null ? null : error.hint.length > 0 };
    });
    const expected = specs.map(({ name, outcome }) =>
      outcome === 'written' ? { name, outcome: 'succeeded', hint: null } : { name, outcome, hint: true },
    );
    expect(outcomes).toEqual(expected);
    for (const { name, outcome } of specs.filter((spec) => spec.outcome === 'written')) {
      const isThere = image.equals(site.chips.board(name).flash.subarray(0, image.length));
      expect({ name, outcome, isThere }).toEqual({ name, outcome, isThere: true });
    }
    const slowest = Math.max(...units.map(({ startedMs, endedMs }) => (endedMs ?? 0) - startedMs));
    const well = units.find(({ slot }) => slot === `usb:1-${specs.length}`);
    expect((well?.endedMs ?? 0) - (well?.startedMs ?? 0)).toBeLessThan(slowest);
  });
});
