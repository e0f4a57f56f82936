import { words } from './packet.ts';
import type { Registers } from './registers.ts';

const WORDS_PER_WRITE = 4;

/** WRITE_REG: groups of address, value, mask and a delay in µs, one after the other. False for an incomplete group. */
export function writeRegisters(registers: Registers, data: DataView): boolean {
  const args = words(data);
  if (args.length === 0 || args.length % WORDS_PER_WRITE !== 0) return false;
  for (let nth = 0; nth < args.length; nth += WORDS_PER_WRITE) {
    const [address = 0, value = 0, mask = 0] = args.slice(nth, nth + WORDS_PER_WRITE);
    registers.write(address, value, mask);
  }
  return true;
}
