import { afterEach, describe, expect, it, vi } from 'vitest';
import { FlashError } from '../../../../src/errors.ts';
import type { LineSettings, UnitDataSource } from '../../../../src/model/rule.ts';
import { readNvs } from '../../../devices/nvs-reader.ts';
import { aLineRule, aPlug, GivenLine } from './given-line.ts';

let given: GivenLine;

afterEach(() => given.close());

const TEMPLATE = 'key,type,encoding,value\nfactory,namespace,,\nserial,data,string,\ncolor,data,string,red\n';

function givenRows(text: string, template = TEMPLATE): GivenLine {
  given = new GivenLine();
  const unitData: UnitDataSource = {
    template: given.csv('template.csv', template),
    csv: given.csv('units.csv', text),
    series: 'gateway',
    partition: 'nvs',
  };
  const line: LineSettings = { again: 'again', bootCheck: null, unitData };
  given.rules = [aLineRule({ line })];
  given.release('fw-1');
  return given;
}

const mac = (n: number) => `10:00:00:00:00:${n.toString(16).padStart(2, '0')}`;

let plugs = 0;

/** Waited for at most, on a machine with other work. */
const WITHIN_MS = 30_000;

/** Plugs a board in and returns its record. */
async function run(n: number, script: Partial<Parameters<GivenLine['bench']['put']>[1]> = {}) {
  plugs += 1;
  const socket = `9-${plugs}`;
  given.bench.put(`/dev/tty-${socket}`, { mac: mac(n), ...script });
  given.line.attached(aPlug(socket));
  return vi.waitFor(() => {
    const unit = given.units().find(({ slot }) => slot === `usb:${socket}`);
    expect(unit?.endedMs).toBeTypeOf('number');
    return unit;
  }, WITHIN_MS);
}

/** What the application on this board would read. */
function nvsOf(n: number): Record<string, unknown> {
  const flash = given.bench.board(mac(n))?.flash.subarray(0x9000, 0xf000) ?? Buffer.alloc(0);
  return Object.fromEntries(readNvs(flash).map(({ namespace, key, value }) => [`${namespace}:${key}`, value]));
}

describe('rows of per-unit data', () => {
  it('go to the boards in the order of the file, and end up verified', async () => {
    givenRows('serial,color\nA1,blue\nA2,green\n');
    expect(await run(1)).toMatchObject({ state: 'succeeded', unitData: { series: 'gateway', key: 'A1', line: 2 } });
    expect(await run(2)).toMatchObject({ unitData: { key: 'A2', line: 3 } });
    expect([nvsOf(1), nvsOf(2)]).toEqual([
      { 'factory:serial': 'A1', 'factory:color': 'blue' },
      { 'factory:serial': 'A2', 'factory:color': 'green' },
    ]);
    const rows = given.journal.unitRows.list('gateway');
    expect(rows.map(({ key, state, mac: board }) => [key, state, board])).toEqual([
      ['A1', 'verified', mac(1)],
      ['A2', 'verified', mac(2)],
    ]);
  });

  it('are used up: the next board is told so and nothing is written to it', async () => {
    givenRows('serial\nA1\n');
    await run(1);
    expect(await run(2)).toMatchObject({ state: 'failed', error: { code: 'UNIT_DATA_EXHAUSTED' } });
    expect(given.bench.board(mac(2))?.written).toEqual([]);
  });

  it('stay with the board of a run that failed, which gets its own again', async () => {
    givenRows('serial\nA1\nA2\n');
    expect(await run(1, { fails: { at: 'write', error: new FlashError('LINK_CLOSED', 'gone') } })).toMatchObject({
      state: 'failed',
      unitData: { key: 'A1' },
    });
    expect(given.journal.unitRows.ofBoard('gateway', mac(1))?.state).toBe('reserved');
    expect(await run(2)).toMatchObject({ unitData: { key: 'A2' } });
    expect(await run(1)).toMatchObject({ state: 'succeeded', unitData: { key: 'A1' } });
  });

  it('are written and not verified where the board does not come up', async () => {
    givenRows('serial\nA1\n');
    await run(1, { fails: { at: 'restart', error: new FlashError('LINK_CLOSED', 'gone') } });
    expect(given.journal.unitRows.ofBoard('gateway', mac(1))?.state).toBe('written');
  });

  it('may be added while the line runs, and corrected: the key is what counts', async () => {
    givenRows('serial\nA1\n');
    await run(1);
    given.csv('units.csv', 'serial,color\nA0,red\nA1,blue\n');
    expect(await run(2)).toMatchObject({ unitData: { key: 'A0' } });
    expect(await run(1)).toMatchObject({ unitData: { key: 'A1', line: 3 } });
    expect(nvsOf(1)).toEqual({ 'factory:serial': 'A1', 'factory:color': 'blue' });
  });

  it('of another file void the old row of a board, which nobody gets any more', async () => {
    givenRows('serial\nA1\n');
    await run(1);
    given.csv('units.csv', 'serial\nB1\n');
    expect(await run(1)).toMatchObject({ unitData: { key: 'B1' } });
    given.csv('units.csv', 'serial\nA1\nB1\n');
    expect(await run(2)).toMatchObject({ error: { code: 'UNIT_DATA_EXHAUSTED' } });
    expect(given.journal.unitRows.list('gateway').map(({ key, state }) => [key, state])).toEqual([
      ['A1', 'void'],
      ['B1', 'verified'],
    ]);
  });

  it('are never handed out twice to boards that come at the same moment', async () => {
    const keys = Array.from({ length: 16 }, (_, index) => `S${index}`);
    givenRows(`serial\n${keys.join('\n')}\n`);
    const units = await Promise.all(keys.map((_, index) => run(index)));
    expect(new Set(units.map((unit) => unit?.unitData?.key))).toEqual(new Set(keys));
  });

  it('that were reserved before a crash go to the same board after it', async () => {
    givenRows('serial\nA1\nA2\n');
    given.bench.put('/dev/tty-c', { mac: mac(1), hangsAt: 'write' });
    given.line.attached(aPlug('c'));
    await vi.waitFor(
      () => expect(given.journal.unitRows.ofBoard('gateway', mac(1))?.state).toBe('reserved'),
      WITHIN_MS,
    );
    given.crash();
    expect(given.units()[0]).toMatchObject({ state: 'interrupted', error: { code: 'LINE_INTERRUPTED' } });
    expect(await run(2)).toMatchObject({ unitData: { key: 'A2' } });
    expect(await run(1)).toMatchObject({ state: 'succeeded', unitData: { key: 'A1' } });
  });

  it.each([
    ['a partition table without the partition', [], 'UNIT_DATA_NO_PARTITION'],
    ['no partition table', null, 'UNIT_DATA_NO_PARTITION'],
  ])('are not used up by %s', async (_, partitions, code) => {
    givenRows('serial\nA1\n');
    expect(await run(1, { partitions })).toMatchObject({ state: 'failed', unitData: null, error: { code } });
    expect(given.journal.unitRows.list('gateway')).toEqual([]);
    expect(given.bench.board(mac(1))?.written).toEqual([]);
  });

  it.each([
    ['a table that is wrong', 'serial\nA1\nA1\n', TEMPLATE, 'NVS_BAD_TABLE', 'units.csv: line 3'],
    ['a template that is wrong', 'serial\nA1\n', 'key\n', 'NVS_BAD_TABLE', 'template.csv: line 1'],
  ])('are not used up by %s', async (_, table, template, code, where) => {
    givenRows(table, template);
    const unit = await run(1);
    expect(unit).toMatchObject({ state: 'failed', unitData: null, error: { code } });
    expect(unit?.error?.message).toContain(where);
    expect(given.bench.board(mac(1))?.written).toEqual([]);
  });

  it('whose values cannot be made stay with the board, and nothing is written', async () => {
    givenRows('serial,cert\nA1,none.der\nA2,a2.der\n', `${TEMPLATE}cert,file,binary,\n`);
    given.csv('a2.der', 'certificate');
    expect(await run(1)).toMatchObject({ unitData: { key: 'A1' }, error: { code: 'UNIT_DATA_UNREADABLE' } });
    expect(given.bench.board(mac(1))?.written).toEqual([]);
    expect(await run(2)).toMatchObject({ state: 'succeeded', unitData: { key: 'A2' } });
    expect(Buffer.from(nvsOf(2)['factory:cert'] as Uint8Array).toString()).toBe('certificate');
  });
});
