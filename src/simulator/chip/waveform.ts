/** How far two UARTs may be apart and still understand one another. */
const TOLERANCE = 0.03;
const DATA_BITS = 8;
/** Start, data, stop. */
export const BITS_PER_BYTE = 10;

function isSameRate(one: number, other: number): boolean {
  return Math.abs(one - other) <= one * TOLERANCE;
}

/**
 * What a UART at `toBaudRate` makes of bytes sent without pauses at `fromBaudRate` (8N1): the line's levels are sampled in the
 * middle of each bit that the receiver expects, from the first falling edge on.
 */
export function hearAt(bytes: Uint8Array, fromBaudRate: number, toBaudRate: number): Uint8Array {
  if (isSameRate(fromBaudRate, toBaudRate)) return bytes;
  const sentBits = bytes.length * BITS_PER_BYTE;
  const perBit = fromBaudRate / toBaudRate;
  const heard: number[] = [];
  for (let at = 0; at < sentBits; ) {
    if (level(bytes, at)) {
      at = Math.floor(at) + 1;
      continue;
    }
    let byte = 0;
    for (let bit = 0; bit < DATA_BITS; bit += 1) {
      if (level(bytes, at + (bit + 1.5) * perBit)) byte |= 1 << bit;
    }
    heard.push(byte);
    at += (BITS_PER_BYTE - 0.5) * perBit;
  }
  return Uint8Array.from(heard);
}

/** Of the line, so many bits after the first start bit: true is idle. */
function level(bytes: Uint8Array, atBit: number): boolean {
  const place = Math.floor(atBit) % BITS_PER_BYTE;
  const byte = bytes[Math.floor(Math.floor(atBit) / BITS_PER_BYTE)];
  if (byte === undefined || place === BITS_PER_BYTE - 1) return true;
  return place > 0 && ((byte >> (place - 1)) & 1) === 1;
}
