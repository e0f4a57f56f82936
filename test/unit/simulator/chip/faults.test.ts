import { describe, expect, it } from 'vitest';
import type { ChipFaults } from '../../../../src/simulator/chip/chip-faults.ts';
import { LoaderHost, noise, wordsOf } from './loader-host.ts';

const MAGIC_REGISTER = 0x40001000;

function faulty(faults: ChipFaults): LoaderHost {
  return new LoaderHost({ chip: 'esp32', faults });
}

describe('faults', () => {
  it('isSilent: no text, no answer', () => {
    const host = faulty({ isSilent: true });
    expect(host.enterDownloadMode()).toBe('');
    expect(host.sync()).toEqual([]);
  });

  it('isDeaf: text, no answer', () => {
    const host = faulty({ isDeaf: true });
    expect(host.enterDownloadMode()).toContain('waiting for download');
    expect(host.sync()).toEqual([]);
  });

  it('garbageBeforeSync: noise, with a frame end in it, then the answers', () => {
    const host = faulty({ garbageBeforeSync: Uint8Array.of(0xff, 0xc0, 0x12, 0x00) });
    host.enterDownloadMode();
    host.raw(Uint8Array.from([0, 0x08, 36, 0, 0, 0, 0, 0, 0x07, 0x07, 0x12, 0x20, ...Array<number>(32).fill(0x55)]));
    const heard = host.heard();
    expect([...heard.subarray(0, 4)]).toEqual([0xff, 0xc0, 0x12, 0x00]);
    expect(heard.length).toBe(4 + 8 * 14);
  });

  it('loseIncoming, loseOutgoing: the n-th byte since it was made', () => {
    const lost = faulty({ loseIncoming: [3] });
    lost.enterDownloadMode();
    expect(lost.sync()).toEqual([]);
    expect(lost.sync()).toHaveLength(8);
    const text = new LoaderHost({ chip: 'esp32', faults: { loseOutgoing: [1, 2] } }).text();
    expect(text.startsWith('s Jul')).toBe(true);
  });

  it('wrongMd5: in both loaders', () => {
    const healthy = new LoaderHost({ chip: 'esp32' }).connect();
    const host = faulty({ wrongMd5: true }).connect();
    for (const each of [healthy, host]) each.command(0x0d, 0, 0);
    const ask = [0x13, 0, 0x1000, 0, 0] as const;
    expect(host.command(...ask).data).not.toEqual(healthy.command(...ask).data);
    for (const each of [healthy, host]) each.startStub();
    expect(host.command(...ask).data).not.toEqual(healthy.command(...ask).data);
  });

  it('brownOutAtByte: in the middle of a block, with its text, and back to what is in the flash', () => {
    const host = faulty({ brownOutAtByte: 300 }).connect();
    host.command(0x0d, 0, 0);
    host.command(0x02, 0x400, 1, 0x400, 0);
    host.raw(Uint8Array.from([0, 0x03, 0x10, 4, 0, 0, 0, 0, ...wordsOf([0x400, 0, 0, 0]), ...noise(0x400)]));
    host.wait(5);
    const text = host.text();
    expect(text).toContain('Brownout detector was triggered');
    expect(text).toContain('BROWN_OUT_RESET');
    expect(host.sync()).toEqual([]);
    expect(host.connect().command(0x0a, MAGIC_REGISTER).value).toBe(0x00f01d83);
  });

  it('hangAtByte: silent until the next reset', () => {
    const host = faulty({ hangAtByte: 100 }).connect();
    expect(host.send(0x0a, wordsOf([MAGIC_REGISTER]))).toHaveLength(1);
    for (let nth = 0; nth < 5; nth += 1) host.send(0x0a, wordsOf([MAGIC_REGISTER]));
    expect(host.send(0x0a, wordsOf([MAGIC_REGISTER]))).toEqual([]);
    expect(host.connect().send(0x0a, wordsOf([MAGIC_REGISTER]))).toHaveLength(1);
  });

  it('vanish: without power from that byte on', () => {
    const host = faulty({ vanish: { atByte: 60 } }).connect();
    host.send(0x0a, wordsOf([MAGIC_REGISTER]));
    expect(host.events.at(-1)).toBe('vanished');
    host.enterDownloadMode();
    expect(host.sync()).toEqual([]);
  });

  it('slowErase: so many times longer', () => {
    const timings = { sectorEraseMs: 10, blockEraseMs: 10 };
    const ms = (slowErase: number) => {
      const host = new LoaderHost({ chip: 'esp32', timings, faults: { slowErase } }).connect();
      host.command(0x0d, 0, 0);
      host.raw(Uint8Array.from([0, 0x02, 16, 0, 0, 0, 0, 0, ...wordsOf([0x2000, 8, 0x400, 0])]));
      for (let waited = 0; waited < 1000; waited += 1) {
        if (host.frames().length > 0) return waited;
        host.wait(1);
      }
      return Number.POSITIVE_INFINITY;
    };
    expect(ms(1)).toBe(20);
    expect(ms(7)).toBe(140);
  });

  it('stub: refused, or taken and mute', () => {
    const refused = faulty({ stub: 'refused' }).connect().startStub();
    expect(refused.frames()).toHaveLength(1);
    expect(refused.chip.uploads).toHaveLength(0);
    expect(refused.command(0x0a, MAGIC_REGISTER).value).toBe(0x00f01d83);
    const mute = faulty({ stub: 'mute' }).connect().startStub();
    expect(mute.chip.uploads).toHaveLength(1);
    expect(mute.sync()).toEqual([]);
  });

  it('maxBaudRate: a faster line carries nothing, a slower one does', () => {
    for (const [baudRate, isHeard] of [
      [460_800, true],
      [921_600, false],
    ] as const) {
      const host = faulty({ maxBaudRate: 460_800 }).connect();
      expect(host.command(0x0f, baudRate, 0).data[0]).toBe(0);
      const answers = host.send(0x0a, wordsOf([MAGIC_REGISTER]), { baudRate });
      expect(answers.length === 1).toBe(isHeard);
    }
  });

  it('starts: after so many the board is healthy', () => {
    const host = faulty({ wrongBootMode: true, starts: 2 });
    expect(host.enterDownloadMode()).not.toContain('waiting for download');
    expect(host.enterDownloadMode()).toContain('waiting for download');
  });
});

describe('rates', () => {
  it('CHANGE_BAUDRATE is answered at the old rate and holds from then on', () => {
    const host = new LoaderHost({ chip: 'esp32c3' }).connect();
    host.command(0x0f, 460_800, 0);
    expect(host.lastRate()).toBe(115_200);
    expect(host.send(0x0a, wordsOf([MAGIC_REGISTER]))).toEqual([]);
    expect(host.send(0x0a, wordsOf([MAGIC_REGISTER]), { baudRate: 460_800 })).toHaveLength(1);
    expect(host.lastRate()).toBe(460_800);
  });
});
