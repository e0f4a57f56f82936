const SYNC_DATA = Uint8Array.from([0x07, 0x07, 0x12, 0x20, ...Array<number>(32).fill(0x55)]);

/** The 36 bytes by which the loader finds the baud rate. */
export function isSync(data: DataView): boolean {
  return data.byteLength === SYNC_DATA.length && SYNC_DATA.every((byte, nth) => data.getUint8(nth) === byte);
}
