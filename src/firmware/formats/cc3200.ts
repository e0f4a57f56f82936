import { type Findings, NOTHING_FOUND, problem } from '../findings.ts';
import { readMd5Tail } from './md5-tail.ts';
import { findMicroPython } from './micropython.ts';

/** The MCU in the banner of a WiPy 1. */
const MCU = 'CC3200';

/**
 * The application of a WiPy 1 (`mcuimg.bin`): bare code for a Cortex-M4 without a header. What marks it is the MD5 at its end, and
 * MicroPython's banner, which names the MCU (micropython, ports/cc3200). Without its MD5 the boot loader would not start it.
 */
export function readCc3200(bytes: Uint8Array): Findings | null {
  const md5Tail = readMd5Tail(bytes);
  if (md5Tail === null) return null;
  const micropython = findMicroPython(bytes);
  if (micropython?.mcu !== MCU) return null;
  const isWhole = md5Tail.stored === md5Tail.computed;
  const message = `its MD5 is ${md5Tail.computed}, the one appended to it is ${md5Tail.stored}`;
  return {
    ...NOTHING_FOUND,
    kind: 'app',
    format: 'cc3200',
    completeness: isWhole ? 'complete' : 'unknown',
    endsAt: isWhole ? bytes.length : null,
    md5Tail,
    micropython,
    problems: isWhole ? [] : [problem('IMAGE_CORRUPT', message)],
  };
}
