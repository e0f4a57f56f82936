import { describe, expect, it } from 'vitest';
import { unitsCsv } from '../../../src/cli/units-csv.ts';
import { FlashError } from '../../../src/errors.ts';
import type { Unit } from '../../../src/model/unit.ts';

const DONE: Unit = {
  id: 'u0000000001',
  slot: 'usb:1-1',
  port: '/dev/ttyUSB0',
  state: 'succeeded',
  rule: 'line',
  release: 'r1',
  board: {
    chip: 'esp32c3',
    revision: 4,
    mac: '10:00:3b:01:02:03',
    flashId: 'ef4016',
    flashSizeBytes: 0x400000,
    hasFlashEncryption: false,
  },
  images: [
    { name: 'boot.bin', offset: 0, sizeBytes: 4, sha256: 'aa' },
    { name: 'app.bin', offset: 0x10000, sizeBytes: 4, sha256: 'bb' },
  ],
  unitData: { series: 'units', key: 'SN-7', fileSha256: 'cc', line: 8 },
  backup: null,
  baudRate: 921_600,
  retries: 1,
  steps: { connect: 812, write: 5_003, restart: 101 },
  error: null,
  logExcerpt: null,
  startedMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  endedMs: Date.UTC(2026, 0, 2, 3, 4, 11),
};

/** The last line, by the names of the heading; for cells without commas in quotes. */
function cellsOf(unit: Unit): Record<string, string | undefined> {
  const [heading = '', row = ''] = unitsCsv([unit]).split('\r\n');
  const cells = row.split(',');
  return Object.fromEntries(heading.split(',').map((name, at) => [name, cells[at]]));
}

describe('the records as CSV', () => {
  it('begin with the columns that spreadsheets count on, in this order', () => {
    expect(unitsCsv([]).trimEnd().split(',').slice(0, 12)).toEqual([
      'unit',
      'state',
      'mac',
      'chip',
      'revision',
      'flash_id',
      'flash_bytes',
      'rule',
      'release',
      'slot',
      'port',
      'row',
    ]);
  });

  it('have all that is known of a run', () => {
    expect(cellsOf(DONE)).toMatchObject({
      mac: '10:00:3b:01:02:03',
      row: 'SN-7',
      row_series: 'units',
      images: '0x0:aa 0x10000:bb',
      baud: '921600',
      retries: '1',
      connect_ms: '812',
      write_ms: '5003',
      boot_check_ms: '',
      started: '2026-01-02T03:04:05.000Z',
      ended: '2026-01-02T03:04:11.000Z',
      error: '',
    });
  });

  it('leave empty what is not known', () => {
    expect(cellsOf({ ...DONE, board: null, rule: null, endedMs: null, unitData: null })).toMatchObject({
      mac: '',
      rule: '',
      ended: '',
      row: '',
    });
  });

  it('put commas, quotes and line ends into quotes', () => {
    const error = new FlashError('LINE_BOOT_REJECTED', 'the boot text holds "Guru", twice').toJSON();
    const text = unitsCsv([{ ...DONE, error, logExcerpt: 'ready\nv2' }]);
    expect(text).toContain('LINE_BOOT_REJECTED,"the boot text holds ""Guru"", twice","ready\nv2"\r\n');
  });

  it.each(['=HYPERLINK("http://x")', '+1', '-1', '@cmd', '\tx', '\rx'])(
    'let no spreadsheet take %j for a formula',
    (boot) => {
      expect(unitsCsv([{ ...DONE, logExcerpt: boot }])).toContain(`'${boot.replaceAll('"', '""')}`);
    },
  );
});
