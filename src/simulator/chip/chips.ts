import { type Clock, systemClock } from '../../clock.ts';
import { type Logger, silentLogger } from '../../log.ts';
import { type BoardSurroundings, SimulatedBoard } from './board.ts';
import type { ChipEvent, ChipSpec } from './chip-spec.ts';
import type { ChipTimings } from './chip-timings.ts';
import type { HostListener, Medium, PortAddress } from './medium.ts';
import { MemoryMedium } from './memory-medium.ts';
import { PtyMedium } from './pty-medium.ts';
import { TcpMedium } from './tcp-medium.ts';

/** One board, and the port it is on. */
export interface BoardSpec extends ChipSpec {
  /** Default: `memory`. Only `memory` and `rfc2217` carry the control lines. */
  readonly medium?: PortAddress['kind'];
  /** `off`: unplugged, until somebody calls `plug()`. */
  readonly plugged?: 'on' | 'off';
}

/** What all boards have in common. */
export interface ChipsOptions {
  readonly log?: Logger;
  readonly clock?: Clock;
  /** For all boards; a board's own go first. Default: as slow as real boards; `BRISK_BOARD` is for tests. */
  readonly timings?: Partial<ChipTimings>;
  /** Bytes take their time on the line. Default: true. */
  readonly isPaced?: boolean;
  readonly onEvent?: (board: SimulatedBoard, event: ChipEvent) => void;
}

/** Pretend boards that are there until they are stopped. */
export interface Chips {
  /** In the order of their specs. */
  readonly boards: readonly SimulatedBoard[];
  /** By name; throws where there is none of that name. */
  board(name: string): SimulatedBoard;
  /** All unplugged, all ports free. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * A host sets one line after the other over a network, so that tens of milliseconds lie between "EN high" and "BOOT low".
 * Access servers for these chips play the whole reset near the board; a slow EN has the same effect.
 */
const NETWORK_ENABLE_RISE_MS = 80;

/** Pretend boards in this process. Rejects with the system's error when a port cannot be had; nothing stays open then. */
export async function startChips(specs: readonly BoardSpec[], options: ChipsOptions = {}): Promise<Chips> {
  const { clock = systemClock, log = silentLogger, isPaced = true, onEvent = () => undefined } = options;
  const making = specs.map((spec) => {
    const { medium = 'memory', plugged = 'on' } = spec;
    const around: BoardSurroundings = { clock, log, isPaced, onEvent, openMedium: (host) => openMedium(medium, host) };
    return SimulatedBoard.make(chipOf(spec, medium, options.timings), around, plugged);
  });
  const made = await Promise.allSettled(making);
  const boards = made.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const stop = async () => {
    await Promise.all(boards.map((board) => board.stop()));
  };
  const failed = made.find((each) => each.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  return { boards, board: (name) => boardOf(boards, name), stop };
}

function chipOf(spec: BoardSpec, medium: PortAddress['kind'], timings: Partial<ChipTimings> = {}): ChipSpec {
  const overNetwork = medium === 'rfc2217' ? { enableRiseMs: NETWORK_ENABLE_RISE_MS } : {};
  const circuit = medium === 'pty' || medium === 'tcp' ? { circuit: 'none' as const } : {};
  return { ...spec, ...circuit, timings: { ...timings, ...overNetwork, ...spec.timings } };
}

function openMedium(kind: PortAddress['kind'], host: HostListener): Promise<Medium> {
  if (kind === 'pty') return PtyMedium.open(host);
  if (kind === 'memory') return Promise.resolve(new MemoryMedium(host));
  return TcpMedium.open(kind, host);
}

function boardOf(boards: readonly SimulatedBoard[], name: string): SimulatedBoard {
  const found = boards.find((board) => board.name === name);
  if (found === undefined) throw new RangeError(`there is no board "${name}"`);
  return found;
}
