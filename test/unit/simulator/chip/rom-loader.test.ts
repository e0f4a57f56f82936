import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { LoaderHost, noise } from './loader-host.ts';

const SYNC_VALUE = 0x20120707;

describe('mask ROM', () => {
  it('answers SYNC eight times, with a value that is not 0, whatever the rate, and stays at that rate', () => {
    const host = new LoaderHost({ chip: 'esp32' });
    host.enterDownloadMode();
    const answers = host.sync(230_400);
    expect(answers).toHaveLength(8);
    expect(new Set(answers.map(({ value }) => value))).toEqual(new Set([SYNC_VALUE]));
    expect(host.lastRate()).toBe(230_400);
    expect(host.send(0x0a, [0, 0x10, 0, 0x40], { baudRate: 115_200 })).toEqual([]);
  });

  it.each([
    ['esp8266', 0xfff0c101, [0, 0]],
    ['esp32', 0x00f01d83, [0, 0, 0, 0]],
    ['esp32c3', 0x1b31506f, [0, 0, 0xff, 0xff]],
  ] as const)('%s: reads registers, with its own status bytes', (chip, magic, status) => {
    const answer = new LoaderHost({ chip }).connect().command(0x0a, 0x40001000);
    expect(answer.value).toBe(magic);
    expect([...answer.data]).toEqual(status);
  });

  it('answers an unknown command in the name of the one before it, and repeats the last value', () => {
    const host = new LoaderHost({ chip: 'esp32' }).connect();
    host.command(0x0a, 0x40001000);
    // Seen on an ESP32: GET_SECURITY_INFO after READ_REG.
    expect(host.command(0x14)).toEqual({ op: 0x0a, value: 0x00f01d83, data: Uint8Array.of(1, 5, 0, 0) });
  });

  it('wants SPI_ATTACH before it touches the flash', () => {
    const host = new LoaderHost({ chip: 'esp32c3' }).connect();
    expect(host.command(0x02, 0x1000, 4, 0x400, 0, 0).data[0]).toBe(1);
    host.command(0x0d, 0, 0);
    expect(host.command(0x02, 0x1000, 4, 0x400, 0, 0).data[0]).toBe(0);
  });

  it('wants the encryption word of FLASH_BEGIN from the ESP32-S2 on, and refuses it before', () => {
    const esp32 = new LoaderHost({ chip: 'esp32' }).connect();
    esp32.command(0x0d, 0, 0);
    expect(esp32.command(0x02, 0x1000, 4, 0x400, 0).data[0]).toBe(0);
    expect(esp32.command(0x02, 0x1000, 4, 0x400, 0, 0).data[0]).toBe(1);
    const c3 = new LoaderHost({ chip: 'esp32c3' }).connect();
    c3.command(0x0d, 0, 0);
    expect(c3.command(0x02, 0x1000, 4, 0x400, 0).data[0]).toBe(1);
  });

  it('erases at the begin, writes before it answers, and finds MD5 as text', () => {
    const image = noise(0x800);
    const host = new LoaderHost({ chip: 'esp32', flash: new Uint8Array(0x4000) }).connect();
    host.command(0x0d, 0, 0);
    host.command(0x02, 0x800, 2, 0x400, 0x1000);
    expect(host.chip.flash.subarray(0x1000, 0x2000).every((byte) => byte === 0xff)).toBe(true);
    expect(host.chip.flash[0x2000]).toBe(0);
    host.block(0x03, 0, image.subarray(0, 0x400));
    host.block(0x03, 1, image.subarray(0x400));
    expect(Buffer.from(host.chip.flash.subarray(0x1000, 0x1800)).equals(image)).toBe(true);
    const md5 = host.command(0x13, 0x1000, 0x800, 0, 0);
    expect(Buffer.from(md5.data.subarray(0, 32)).toString()).toBe(createHash('md5').update(image).digest('hex'));
    expect(md5.data).toHaveLength(36);
  });

  it('refuses a block with a wrong checksum, out of turn, or of another length', () => {
    const host = new LoaderHost({ chip: 'esp32' }).connect();
    host.command(0x0d, 0, 0);
    host.command(0x02, 0x800, 2, 0x400, 0);
    const header = [0, 4, 0, 0, ...Array<number>(12).fill(0)];
    const reason = ([answer]: readonly { readonly data: Uint8Array }[]) => [...(answer?.data.subarray(0, 2) ?? [])];
    expect(reason(host.send(0x03, [...header, ...noise(0x400)], { checksum: 1 }))).toEqual([1, 7]);
    expect([...host.block(0x03, 1, noise(0x400)).data.subarray(0, 2)]).toEqual([1, 6]);
    expect(reason(host.send(0x03, [...header, 1, 2, 3]))).toEqual([1, 5]);
  });

  it('inflates, and tells a broken stream at once', () => {
    const image = noise(3000);
    const stream = deflateSync(image);
    const host = new LoaderHost({ chip: 'esp32' }).connect();
    host.command(0x0d, 0, 0);
    host.command(0x10, 0x1000, Math.ceil(stream.length / 0x400), 0x400, 0x3000);
    for (let nth = 0; nth * 0x400 < stream.length; nth += 1) {
      expect(host.block(0x11, nth, stream.subarray(nth * 0x400, (nth + 1) * 0x400)).data[0]).toBe(0);
    }
    expect(Buffer.from(host.chip.flash.subarray(0x3000, 0x3000 + image.length)).equals(image)).toBe(true);
    host.command(0x10, 0x1000, 1, 0x400, 0x3000);
    expect([...host.block(0x11, 0, noise(64)).data.subarray(0, 2)]).toEqual([1, 0x0b]);
  });

  it('reads 64 bytes at a time, always whole', () => {
    const host = new LoaderHost({ chip: 'esp32c3', flash: noise(0x200) }).connect();
    host.command(0x0d, 0, 0);
    const { data } = host.command(0x0e, 0x40, 10);
    expect(Buffer.from(data.subarray(0, 64)).equals(noise(0x200).subarray(0x40, 0x80))).toBe(true);
    expect(data).toHaveLength(68);
  });

  it.each([
    // Asked for, and erased: sectors up to the end of the first 64 KiB count twice.
    [0, 4, 8],
    [0, 16, 32],
    [14, 3, 5],
    [0x10, 40, 56],
  ])('ESP8266: erases too much from sector %i: %i asked, %i erased', (first, asked, erased) => {
    const host = new LoaderHost({ chip: 'esp8266', flash: new Uint8Array(1 << 20) }).connect();
    host.command(0x02, asked * 0x1000, asked * 4, 0x400, first * 0x1000);
    expect(host.chip.counts.sectorsErased).toBe(erased);
  });

  it('leaves its loader at FLASH_END', () => {
    const host = new LoaderHost({ chip: 'esp32' }).connect();
    host.command(0x0d, 0, 0);
    host.command(0x02, 0, 0, 0x400, 0);
    host.command(0x04, 1);
    host.wait(5);
    expect(host.events.at(-1)).toBe('started-from-flash');
  });

  it('tells chip and security by GET_SECURITY_INFO', () => {
    const security = { secureBoot: true, flashEncryption: true };
    const { data } = new LoaderHost({ chip: 'esp32c3', security }).connect().command(0x14);
    expect(data).toHaveLength(24);
    expect([data[0], data[4], data[12]]).toEqual([1, 1, 5]);
    expect(new LoaderHost({ chip: 'esp32s2' }).connect().command(0x14).data).toHaveLength(16);
  });

  it('lets nothing be read in Secure Download Mode', () => {
    const host = new LoaderHost({ chip: 'esp32s3', security: { secureDownload: true } }).connect();
    expect([...host.command(0x14).data.subarray(0, 1)]).toEqual([4]);
    for (const [op, ...args] of [
      [0x0a, 0x40001000],
      [0x05, 64, 1, 64, 0x40380000],
      [0x13, 0, 16, 0, 0],
      [0x0e, 0, 64],
    ]) {
      expect([...host.command(op ?? 0, ...args).data.subarray(0, 2)]).toEqual([1, 5]);
    }
    host.command(0x0d, 0, 0);
    expect(host.command(0x02, 0x400, 1, 0x400, 0, 0).data[0]).toBe(0);
  });

  it('encrypts what it is told to, so that nobody can foretell the cells', () => {
    const image = noise(0x400);
    const host = new LoaderHost({ chip: 'esp32c3', security: { flashEncryption: true } }).connect();
    host.command(0x0d, 0, 0);
    host.command(0x02, 0x400, 1, 0x400, 0, 1);
    host.block(0x03, 0, image);
    expect(Buffer.from(host.chip.flash.subarray(0, 0x400)).equals(image)).toBe(false);
  });
});
