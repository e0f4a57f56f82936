import type { MicroPythonBanner } from '../../model/image.ts';

const START = Buffer.from('MicroPython v', 'latin1');
/** More than the longest banner, names of boards included. */
const LONGEST_BYTES = 160;

/**
 * The banner of a MicroPython image. The compiler joins its parts (version, date, board, MCU) into one text (pycom-micropython-sigfox,
 * esp32/telnet/telnet.c, `telnet_welcome_msg`; micropython, shared/runtime/pyexec.c), so that it stands in the image as the device says it.
 */
export function findMicroPython(bytes: Uint8Array): MicroPythonBanner | null {
  const image = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = image.indexOf(START); at !== -1; at = image.indexOf(START, at + 1)) {
    const banner = parseMicroPython(image.toString('latin1', at, at + LONGEST_BYTES));
    if (banner !== null) return banner;
  }
  return null;
}

/** Reads `MicroPython v1.20.2.r6 on 2021-10-28; WiPy with ESP32` at the start of a text; null: it is none. */
export function parseMicroPython(text: string): MicroPythonBanner | null {
  const match = /^MicroPython v(\S{1,60}) on (\d{4}-\d\d-\d\d); ([\w .+()-]{1,60}?) with ([\w-]{1,20})/.exec(text);
  const [, version, builtOn, board, mcu] = match ?? [];
  if (version === undefined || builtOn === undefined || board === undefined || mcu === undefined) return null;
  return { version, builtOn, board, mcu };
}
