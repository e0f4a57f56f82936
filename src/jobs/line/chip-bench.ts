import { type BoardSurroundings, connectBoard } from '../../protocols/esptool/board.ts';
import { PreparedImages } from '../../protocols/esptool/prepared-image.ts';
import type { Bench } from './bench.ts';

/** Boards with Espressif chips, by the loader in their ROM and the flasher stub. They share what was compressed for one of them. */
export function chipBench(around: Omit<BoardSurroundings, 'prepared'>): Bench {
  const prepared = new PreparedImages();
  return {
    connect: (port, options, signal) =>
      connectBoard(port, options, { ...around, prepared, log: around.log.child({ port: port.path }) }, signal),
  };
}
