import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { LoaderHost, noise, wordsOf } from './loader-host.ts';

function withStub(flash: Uint8Array = new Uint8Array()): LoaderHost {
  return new LoaderHost({ chip: 'esp32c3', flash }).connect().startStub();
}

describe('upload of the stub', () => {
  it('starts what was loaded, which announces itself', () => {
    const host = new LoaderHost({ chip: 'esp32c3' }).connect();
    const program = noise(0x2000);
    host.command(0x05, program.length, 2, 0x1800, 0x40380000);
    host.block(0x07, 0, program.subarray(0, 0x1800));
    host.block(0x07, 1, program.subarray(0x1800));
    host.raw(Uint8Array.from([0, 0x06, 8, 0, 0, 0, 0, 0, ...wordsOf([0, 0x40380100])]));
    expect(host.frames().map((frame) => Buffer.from(frame).toString('latin1'))[1]).toBe('OHAI');
    expect(host.chip.uploads).toHaveLength(1);
    expect(Buffer.from(host.chip.uploads[0]?.segments[0]?.bytes ?? []).equals(program)).toBe(true);
  });

  it.each([
    ['a segment that is not all there', 1, 0x40380000],
    ['an entry point outside', 0, 0x40390000],
  ])('does not start with %s', (_, missing, entry) => {
    const host = new LoaderHost({ chip: 'esp32c3' }).connect();
    host.command(0x05, 64 + missing, 1, 0x1800, 0x40380000);
    host.block(0x07, 0, noise(64));
    expect(host.command(0x06, 0, entry).data[0]).toBe(1);
    expect(host.chip.uploads).toEqual([]);
  });

  it('is refused by the ROM of an ESP32-S3 with secure boot', () => {
    const host = new LoaderHost({ chip: 'esp32s3', security: { secureBoot: true } }).connect().startStub();
    expect(host.chip.uploads).toEqual([]);
  });
});

describe('flasher stub', () => {
  it('answers SYNC eight times with value 0', () => {
    const answers = withStub().sync();
    expect(answers.map(({ value }) => value)).toEqual(Array(8).fill(0));
  });

  it.each([
    ['an unknown command', 0x77, [], 0xc3],
    ['a known one that it lacks', 0xd4, [], 0xff],
    ['an unaligned region to erase', 0xd1, [0x100, 0x1000], 0xc0],
    ['data without a begin', 0x04, [1], 0xc6],
  ])('gives its reason first for %s', (_, op, args, reason) => {
    expect([...withStub().command(op, ...args).data]).toEqual([reason, 0]);
  });

  it('writes what it inflates, erases as it goes, and adds up MD5 as bytes', () => {
    const image = noise(0x9000);
    const stream = deflateSync(image, { level: 9 });
    const host = withStub(new Uint8Array(0x20000));
    host.command(0x10, image.length, Math.ceil(stream.length / 0x4000), 0x4000, 0x1000);
    for (let nth = 0; nth * 0x4000 < stream.length; nth += 1) {
      expect(host.block(0x11, nth, stream.subarray(nth * 0x4000, (nth + 1) * 0x4000)).data[0]).toBe(0);
    }
    expect(host.command(0x12, 1).data[0]).toBe(0);
    expect(Buffer.from(host.chip.flash.subarray(0x1000, 0xa000)).equals(image)).toBe(true);
    expect([host.chip.flash[0x0fff], host.chip.flash[0xa000]]).toEqual([0, 0]);
    const { data } = host.command(0x13, 0x1000, image.length, 0, 0);
    expect(Buffer.from(data.subarray(0, 16)).equals(createHash('md5').update(image).digest())).toBe(true);
    expect(data).toHaveLength(18);
  });

  it('acknowledges a broken stream and tells of it in place of the next command', () => {
    const host = withStub();
    host.command(0x10, 64, 2, 0x4000, 0);
    expect(host.block(0x11, 0, noise(64)).data[0]).toBe(0);
    expect([...host.command(0x12, 1).data]).toEqual([0xc7, 0]);
  });

  it('tells of cells that do not take a block with the next command', () => {
    const host = new LoaderHost({ chip: 'esp32c3', faults: { badByte: 0x1100 } }).connect().startStub();
    host.command(0x02, 0x800, 2, 0x400, 0x1000);
    expect(host.block(0x03, 0, noise(0x400)).data[0]).toBe(0);
    expect(host.block(0x03, 1, noise(0x400)).data[0]).toBe(0xc4);
  });

  it('refuses to write beyond the size it was told', () => {
    const host = new LoaderHost({ chip: 'esp32c3', flashBytes: 8 << 20 }).connect().startStub();
    expect(host.command(0x02, 0x1000, 4, 0x400, 4 << 20).data[0]).toBe(0xc4);
    host.command(0x0b, 0, 8 << 20, 0x10000, 0x1000, 0x100, 0xffff);
    expect(host.command(0x02, 0x1000, 4, 0x400, 4 << 20).data[0]).toBe(0);
  });

  it.each([
    ['blank', 0xff, 0],
    ['written', 0x00, 0x22],
  ])('erases what it has to: a flash that is %s', (_, before, sectors) => {
    const host = withStub(new Uint8Array(0x40000).fill(before));
    host.command(0x02, 0x22000, 9, 0x4000, 0xf000);
    for (let nth = 0; nth < 9; nth += 1) host.block(0x03, nth, noise(nth === 8 ? 0x2000 : 0x4000));
    expect(host.command(0x04, 1).data[0]).toBe(0);
    expect(host.chip.counts.sectorsErased).toBe(sectors);
  });

  it.each([
    ['a whole block at once', 0x0000, 30],
    ['sector by sector up to one', 0x1000, 40],
  ])('erases %s, behind its answer', (_, offset, ms) => {
    const timings = { sectorEraseMs: 10, blockEraseMs: 30 };
    const flash = new Uint8Array(0x40000);
    const host = new LoaderHost({ chip: 'esp32c3', flash, timings }).connect().startStub();
    host.command(0x02, 0x20000, 8, 0x4000, offset);
    expect(host.block(0x03, 0, noise(0x4000)).data[0]).toBe(0);
    expect(host.send(0x0a, wordsOf([0]))).toEqual([]);
    host.wait(ms - 1);
    expect(host.frames()).toEqual([]);
    host.wait(1);
    expect(host.frames()).toHaveLength(1);
  });

  it('is not done at the end while bytes are missing', () => {
    const host = withStub();
    host.command(0x02, 0x800, 2, 0x400, 0);
    host.block(0x03, 0, noise(0x400));
    expect(host.command(0x04, 1).data[0]).toBe(0xc0);
  });

  it('only clears bits where it has not erased', () => {
    const host = withStub();
    host.command(0x02, 4, 1, 0x400, 0);
    host.block(0x03, 0, Uint8Array.of(0xf0, 0xf0, 0xf0, 0xf0));
    host.block(0x03, 0, Uint8Array.of(0x3c, 0x3c, 0x3c, 0x3c));
    expect(host.chip.flash[0]).toBe(0xf0);
  });

  describe('READ_FLASH', () => {
    function read(host: LoaderHost, offset: number, length: number): Uint8Array[] {
      host.raw(Uint8Array.from([0, 0xd2, 16, 0, 0, 0, 0, 0, ...wordsOf([offset, length, 0x1000, 64])]));
      const frames = host.frames().slice(1);
      const parts: Uint8Array[] = [];
      for (let total = 0; total < length; ) {
        const part = frames.shift();
        if (part === undefined) break;
        parts.push(part);
        total += part.length;
        host.raw(Uint8Array.from(wordsOf([total])));
        frames.push(...host.frames());
      }
      return [...parts, ...frames];
    }

    it('sends packets, each after the acknowledgement of the one before, and the MD5 of all', () => {
      const contents = noise(0x5000);
      const frames = read(withStub(contents), 0x100, 0x2345);
      const md5 = frames.pop();
      const wanted = contents.subarray(0x100, 0x100 + 0x2345);
      expect(Buffer.concat(frames).equals(wanted)).toBe(true);
      expect(Buffer.from(md5 ?? []).equals(createHash('md5').update(wanted).digest())).toBe(true);
      expect(frames.map((frame) => frame.length)).toEqual([0x1000, 0x1000, 0x345]);
    });

    it('has as many packets under way as an older stub would', () => {
      const host = new LoaderHost({ chip: 'esp32c3', stubWindow: 64 }).connect().startStub();
      host.raw(Uint8Array.from([0, 0xd2, 16, 0, 0, 0, 0, 0, ...wordsOf([0, 0x8000, 0x1000, 5])]));
      expect(host.frames()).toHaveLength(1 + 5);
    });

    it('accepts to read beyond the end, and never delivers', () => {
      const host = withStub();
      expect(read(host, 1 << 20, 0x1000)).toEqual([]);
    });
  });
});
