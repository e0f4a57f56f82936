import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Journal } from '../../../src/jobs/journal/journal.ts';
import type { SimulatedBoard } from '../../../src/simulator/chip/board.ts';
import { BRISK_BOARD } from '../../../src/simulator/chip/chip-timings.ts';
import { type Chips, startChips } from '../../../src/simulator/chip/chips.ts';
import { readNvs } from '../../devices/nvs-reader.ts';
import { buildMerged } from '../../fixtures/images/flash-map.ts';

/** More by LINE_KILLS=100. */
const KILLS = Number(process.env['LINE_KILLS'] ?? 4);
/** The ports settle in 300 ms and a run of these boards takes about a second: the kills fall into all of it. */
const LONGEST_LIFE_MS = 2_000;
const BOARDS = 3;
const CHILD = fileURLToPath(new URL('line-process.ts', import.meta.url));

let folder: string;
let chips: Chips;
let child: ChildProcess | null = null;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dropflash-kill-'));
  const specs = Array.from(
    { length: BOARDS },
    (_, n) => ({ name: `b${n}`, chip: 'esp32c3', medium: 'rfc2217' }) as const,
  );
  chips = await startChips(specs, { isPaced: false, timings: BRISK_BOARD });
  writeFileSync(
    join(folder, 'config.yaml'),
    `version: 1
drop: { path: ./drop, settle: 300ms, scan: 1s }
data: ./data
control: false
discovery: { mdns: false, usb: true }
rules:
  - name: line
    firmware: { file: "*.bin" }
    devices: { name: "usb:*" }
    update: { protocol: serial }
    when: attach
    line: { again: again, unit-data: { template: template.csv, csv: units.csv } }
`,
  );
  writeFileSync(join(folder, 'template.csv'), 'key,type,encoding,value\nfactory,namespace,,\nserial,data,string,\n');
  writeFileSync(join(folder, 'units.csv'), `serial\n${Array.from({ length: 20 }, (_, n) => `SN-${n}`).join('\n')}\n`);
});

afterEach(async () => {
  await kill();
  await chips.stop();
  rmSync(folder, { recursive: true });
});

async function start(): Promise<void> {
  const ports = chips.boards.map(({ address }, n) => {
    if (address.kind !== 'rfc2217') throw new Error('not on the network');
    const usb = { vendorId: 0x10c4, productId: 0xea60, serialNumber: null, location: `1-${n + 1}` };
    return { path: `rfc2217://${address.host}:${address.port}`, usb };
  });
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') };
  child = spawn(process.execPath, [CHILD, folder, JSON.stringify(ports)], { stdio: [...stdio], env });
  if (child.stdout !== null) await once(child.stdout, 'data');
}

async function kill(): Promise<void> {
  const killed = child;
  child = null;
  if (killed === null || killed.exitCode !== null) return;
  killed.kill('SIGKILL');
  await once(killed, 'exit');
}

function look<T>(read: (journal: Journal) => T): T {
  const journal = Journal.openToRead(Journal.pathIn(join(folder, 'data')));
  try {
    return read(journal);
  } finally {
    journal.close();
  }
}

const units = () => look((journal) => journal.units.list({ limit: 10_000 }));

/** What the application would read; null while the partition is not (wholly) written. */
function serialOf(board: SimulatedBoard): unknown {
  try {
    return readNvs(board.flash.subarray(0x9000, 0xe000))[0]?.value ?? null;
  } catch {
    return null;
  }
}

/** Whatever the kill hit: no row has two boards, no board two rows, and no board has a serial number that is not its own. */
function expectPromises(): void {
  const rows = look((journal) => journal.unitRows.list('units'));
  expect(new Set(rows.map(({ mac }) => mac)).size).toBe(rows.length);
  expect(rows.length).toBeLessThanOrEqual(BOARDS);
  for (const board of chips.boards) {
    const own = rows.find(({ mac }) => mac === board.mac);
    expect([null, own?.key]).toContain(serialOf(board));
    if (own?.state === 'written' || own?.state === 'verified') expect(serialOf(board)).toBe(own.key);
  }
  for (const { board, unitData } of units())
    if (unitData !== null) expect(rows.find(({ mac }) => mac === board?.mac)?.key).toBe(unitData.key);
}

describe('a daemon that is killed on the line', { timeout: 60_000 + KILLS * 6_000 }, () => {
  it('uses no serial number twice, loses none, and tells the truth of each board', async () => {
    await start();
    writeFileSync(join(folder, 'drop', 'factory.bin'), buildMerged({ chip: 'esp32c3' }));
    for (let round = 0; round < KILLS; round += 1) {
      await pause(Math.random() * LONGEST_LIFE_MS);
      await kill();
      expectPromises();
      await start();
    }
    const rowStates = () => look((journal) => journal.unitRows.list('units')).map(({ state }) => state);
    await vi.waitFor(
      () => {
        expect(rowStates()).toEqual(Array.from({ length: BOARDS }, () => 'verified'));
        expect(units().filter(({ endedMs }) => endedMs === null)).toEqual([]);
      },
      { timeout: 60_000, interval: 100 },
    );
    expectPromises();
    const rows = look((journal) => journal.unitRows.list('units'));
    expect(rows.map(({ key }) => key).sort()).toEqual(['SN-0', 'SN-1', 'SN-2']);
    const good = units().filter(({ state }) => state === 'succeeded');
    expect(new Set(good.map(({ board }) => board?.mac)).size).toBe(BOARDS);
  });
});
