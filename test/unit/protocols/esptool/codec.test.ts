import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checksumOf,
  decodeReply,
  encodeBlock,
  encodeCommand,
  encodeSync,
  encodeWords,
} from '../../../../src/protocols/esptool/codec.ts';
import { Op } from '../../../../src/protocols/esptool/constants.ts';

describe('a command', () => {
  it('is direction, number, length, checksum and data, little-endian', () => {
    const packet = encodeCommand(
      Op.FLASH_DATA,
      encodeBlock(Uint8Array.of(0xaa, 0x55), 3),
      checksumOf(Uint8Array.of(0xaa, 0x55)),
    );
    expect(Buffer.from(packet).toString('hex')).toBe(
      `00031200${'10000000'}${'02000000'}${'03000000'}${'00'.repeat(8)}aa55`,
    );
  });

  it('SYNC is the pattern the ROM waits for', () => {
    expect(Buffer.from(encodeSync()).toString('hex')).toBe(`07071220${'55'.repeat(32)}`);
  });

  it('takes words with the highest bit', () => {
    expect([...encodeWords(0xffffffff, 1 << 31)]).toEqual([255, 255, 255, 255, 0, 0, 0, 128]);
  });
});

describe('a reply', () => {
  it('is read as a READ_REG of the ESP32 ROM answers it', () => {
    const frame = Buffer.from('010a0400831df00000000000', 'hex');
    expect(decodeReply(frame)).toEqual({ op: Op.READ_REG, value: 0x00f01d83, data: Buffer.of(0, 0, 0, 0) });
  });

  it('is not what has another length, another direction or no header', () => {
    const whole = Buffer.from('010a0400831df00000000000', 'hex');
    expect(decodeReply(whole.subarray(0, -1))).toBeNull();
    expect(decodeReply(Buffer.concat([Buffer.of(0), whole.subarray(1)]))).toBeNull();
    expect(decodeReply(Buffer.of(1, 8))).toBeNull();
  });

  it('can be anything', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (frame) => {
        const reply = decodeReply(frame);
        if (reply !== null) expect(reply.data.length).toBe(frame.length - 8);
      }),
    );
  });
});
