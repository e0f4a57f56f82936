import { randomBytes } from 'node:crypto';
import { readDossier } from '../src/firmware/dossier.ts';
import { encodeBlock, encodeCommand } from '../src/protocols/esptool/codec.ts';
import { Op, READ_FRAME_BYTES, STUB_FLASH_BLOCK_BYTES } from '../src/protocols/esptool/constants.ts';
import { DEFAULT_SERIAL_OPTIONS } from '../src/protocols/esptool/options.ts';
import { blocksOf, PreparedImages } from '../src/protocols/esptool/prepared-image.ts';
import { readFlash } from '../src/protocols/esptool/read.ts';
import { ChipSession } from '../src/protocols/esptool/session.ts';
import { encodeSlip } from '../src/protocols/esptool/slip.ts';
import { writeImages } from '../src/protocols/esptool/write-images.ts';
import type { BoardSpec } from '../src/simulator/chip/chips.ts';
import { ESPTOOL, EsptoolJs, esptoolFlasher, type Flasher, sessionAt } from '../test/devices/flashers.ts';
import { BoardProcess } from './board-process.ts';
import type { BenchRow } from './row.ts';

const KIB = 1024;
const MEGABYTE = 0x100000;
const OFFSET = 0x10000;
const BITS_PER_BYTE = 10;
/** Bytes of an answer of the stub on the wire, and of the host's count of what it has read. */
const ANSWER_BYTES = 12;
const COUNT_BYTES = 6;

/** A second or a few at each rate: what is measured is a rate, and it does not change with the size. */
const RATES = [
  { baudRate: 115_200, sizeBytes: 32 * KIB },
  { baudRate: 460_800, sizeBytes: 128 * KIB },
  { baudRate: 921_600, sizeBytes: 512 * KIB },
] as const;

const MANY_BAUD_RATE = 921_600;
const MANY_BYTES = 256 * KIB;
const PORT_COUNTS = [1, 4, 16] as const;

/** Our client against the limit of the line, and against esptool-js and (with ESPTOOL) esptool; then many ports at once. */
export async function benchSerial({ isQuick }: { readonly isQuick: boolean }): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const rate of isQuick ? RATES.slice(-1) : RATES) rows.push(...(await benchRate(rate)));
  return [...rows, ...(await benchPorts())];
}

interface Rate {
  readonly baudRate: number;
  readonly sizeBytes: number;
}

async function benchRate({ baudRate, sizeBytes }: Rate): Promise<BenchRow[]> {
  const noise = randomBytes(sizeBytes);
  const text = Buffer.alloc(sizeBytes, Buffer.from(Array.from({ length: 999 }, (_, at) => (at * at) % 251)));
  const peers = peersAt(baudRate);
  const board: BoardSpec = { name: 'board', chip: 'esp32', medium: 'pty', flashBytes: MEGABYTE };
  await using boards = await BoardProcess.start([board]);
  const rows: BenchRow[] = [];
  for (const [label, bytes] of [['random', noise] as const, ['compressible', text] as const]) {
    const ours = await write(await boards.port('board'), baudRate, bytes);
    const what = `${baudRate} baud, write ${sizeBytes / KIB} KiB ${label}`;
    rows.push(...limitRows(what, ours, await writeLimitMs(bytes, baudRate)));
    const theirs = (peer: Flasher, port: string) => peer.write(port, [{ offset: OFFSET, bytes }]);
    rows.push(...(await peerRows(what, ours.totalMs, peers, boards, theirs)));
  }
  // What is in flash now is `text`; reading takes the same time for any bytes.
  const ours = await read(await boards.port('board'), baudRate, sizeBytes);
  const what = `${baudRate} baud, read ${sizeBytes / KIB} KiB`;
  rows.push(...limitRows(what, ours, readLimitMs(text, baudRate)));
  const theirs = (peer: Flasher, port: string) => peer.read(port, { offset: OFFSET, sizeBytes });
  return [...rows, ...(await peerRows(what, ours.totalMs, peers, boards, theirs))];
}

/** On a line that takes its time esptool-js often fails to connect, for half a minute: it is asked once, at the rate that matters. */
function peersAt(baudRate: number): readonly Flasher[] {
  const esptool = ESPTOOL === null ? [] : [esptoolFlasher(ESPTOOL, baudRate)];
  return baudRate === MANY_BAUD_RATE ? [new EsptoolJs(baudRate, undefined, 1), ...esptool] : esptool;
}

/** What takes the line a fraction of a second says nothing of the line: of that the peers are the measure. */
const LEAST_LIMIT_MS = 1_000;

function limitRows(what: string, { transferMs }: Timed, limitMs: number): BenchRow[] {
  if (limitMs < LEAST_LIMIT_MS) return [];
  const ratio = { value: transferMs / limitMs, of: "the line's limit" };
  return [{ what, value: transferMs / 1000, unit: 's', ratio, aim: '≤ 1.05' }];
}

async function peerRows(
  what: string,
  ourMs: number,
  peers: readonly Flasher[],
  boards: BoardProcess,
  work: (peer: Flasher, port: string) => Promise<unknown>,
): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const peer of peers) {
    const port = await boards.port('board');
    const startedAt = performance.now();
    const failure = await work(peer, port).then(
      () => null,
      (cause: unknown) => (cause instanceof Error ? cause.message.split('\n')[0] : String(cause)),
    );
    if (failure !== null) {
      rows.push({ what: `${what}: ${peer.name} failed (${failure})`, value: 1, unit: 'times' });
      continue;
    }
    const ratio = { value: ourMs / (performance.now() - startedAt), of: peer.name };
    rows.push({ what: `${what}, connecting included`, value: ourMs / 1000, unit: 's', ratio, aim: '< 1' });
  }
  return rows;
}

interface Timed {
  /** From opening the port to closing it. */
  readonly totalMs: number;
  /** From the first byte of the image, or the order to read, to the compared MD5. */
  readonly transferMs: number;
}

async function withSession<T>(path: string, baudRate: number, work: (session: ChipSession) => Promise<T>): Promise<T> {
  const session = await ChipSession.open(sessionAt(path, baudRate));
  return work(session).finally(() => session.close());
}

async function write(path: string, baudRate: number, bytes: Uint8Array, prepared = new PreparedImages()) {
  const startedAt = performance.now();
  let begunAt = startedAt;
  let endedAt = startedAt;
  await withSession(path, baudRate, async (session) => {
    await writeImages(session, {
      images: [{ name: 'bench', bytes, offset: OFFSET, dossier: { ...readDossier(bytes, 'bench'), kind: 'data' } }],
      options: { ...DEFAULT_SERIAL_OPTIONS, skipIdentical: false },
      prepared,
      onBegin: () => {
        begunAt = performance.now();
      },
      onProgress: () => undefined,
    });
    endedAt = performance.now();
  });
  return { totalMs: performance.now() - startedAt, transferMs: endedAt - begunAt };
}

async function read(path: string, baudRate: number, sizeBytes: number): Promise<Timed> {
  const startedAt = performance.now();
  const transferMs = await withSession(path, baudRate, async (session) => {
    const begunAt = performance.now();
    await readFlash(session, { offset: OFFSET, sizeBytes });
    return performance.now() - begunAt;
  });
  return { totalMs: performance.now() - startedAt, transferMs };
}

/** Every byte of every block on the wire, deflated where that is less, and an answer to each before the next. */
async function writeLimitMs(image: Uint8Array, baudRate: number): Promise<number> {
  const { deflated, bytes } = await new PreparedImages().prepare(image, true);
  const blocks = blocksOf(deflated ?? bytes, STUB_FLASH_BLOCK_BYTES);
  const wire = blocks.map((block, n) => encodeSlip(encodeCommand(Op.FLASH_DEFL_DATA, encodeBlock(block, n))).length);
  return lineMs(
    wire.reduce((sum, length) => sum + length + ANSWER_BYTES, 0),
    baudRate,
  );
}

/** Every packet on the wire, and the host's count of what it has so far before the next: the stub has one under way. */
function readLimitMs(bytes: Uint8Array, baudRate: number): number {
  const wire = blocksOf(bytes, READ_FRAME_BYTES).map((frame) => encodeSlip(frame).length + COUNT_BYTES);
  return lineMs(
    wire.reduce((sum, length) => sum + length, 0),
    baudRate,
  );
}

function lineMs(bytes: number, baudRate: number): number {
  return (bytes * BITS_PER_BYTE * 1000) / baudRate;
}

/** The same image to 1, 4 and 16 boards at once: how much longer it takes, and what it costs this process. */
async function benchPorts(): Promise<BenchRow[]> {
  const names = Array.from({ length: Math.max(...PORT_COUNTS) }, (_, n) => `board-${n}`);
  await using boards = await BoardProcess.start(
    names.map((name) => ({ name, chip: 'esp32', medium: 'pty', flashBytes: MEGABYTE })),
  );
  const bytes = randomBytes(MANY_BYTES);
  const rows: BenchRow[] = [];
  let aloneMs: number | null = null;
  for (const count of PORT_COUNTS) {
    const ports: string[] = [];
    for (const name of names.slice(0, count)) ports.push(await boards.port(name));
    const prepared = new PreparedImages();
    const [startedAt, cpuBefore] = [performance.now(), process.cpuUsage()];
    await Promise.all(ports.map((port) => write(port, MANY_BAUD_RATE, bytes, prepared)));
    const totalMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpuBefore);
    aloneMs ??= totalMs;
    const what = `${count} ports at ${MANY_BAUD_RATE} baud, ${MANY_BYTES / KIB} KiB random each`;
    const ratio = { value: totalMs / aloneMs, of: 'one port' };
    rows.push({ what, value: totalMs / 1000, unit: 's', ratio, aim: count === 16 ? '≤ 1.2' : '' });
    const cpuSeconds = (user + system) / 1e6;
    rows.push({ what, value: (cpuSeconds * MEGABYTE) / (count * MANY_BYTES), unit: 'CPU s/MiB' });
  }
  return rows;
}
