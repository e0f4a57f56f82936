import { describe, expect, it } from 'vitest';
import { FlashError } from '../../../../src/errors.ts';
import { readDossier } from '../../../../src/firmware/dossier.ts';
import { silentLogger } from '../../../../src/log.ts';
import type { OptionValues } from '../../../../src/model/fields.ts';
import { serial } from '../../../../src/protocols/esptool/index.ts';
import { readOffset, readOptions, readReset, SERIAL_FIELDS } from '../../../../src/protocols/esptool/options.ts';
import { quickClock, ScriptedChip } from '../../../devices/scripted-chip.ts';
import { buildEsp8266App, gzipOf } from '../../../fixtures/images.ts';
import { aDevice } from '../../../fixtures/records.ts';
import { PORT } from './given.ts';

function stored(bytes: Uint8Array) {
  return {
    sha256: 'a'.repeat(64),
    name: 'image.bin',
    sizeBytes: bytes.length,
    bytes,
    dossier: readDossier(bytes, 'image.bin'),
  };
}

async function flash(chip: ScriptedChip, bytes: Uint8Array, options: OptionValues = {}) {
  const steps: string[] = [];
  const noLink = () => Promise.reject(new Error('a port is not reached over a network'));
  const report = await serial.flash(
    {
      image: stored(bytes),
      device: aDevice({ address: null, port: null, serial: PORT }),
      options,
      attempt: 1,
      links: { ...chip.links, openDatagram: noLink, openStream: noLink, expectDialBack: noLink },
      clock: quickClock,
      observer: { onStep: (step) => steps.push(step), onProgress: () => undefined },
      log: silentLogger,
    },
    new AbortController().signal,
  );
  return { report, steps };
}

describe('the serial protocol', () => {
  it('claims no more than the chip said', async () => {
    const sketch = buildEsp8266App();
    const { report, steps } = await flash(new ScriptedChip({ kind: 'esp8266' }), sketch);
    expect(report).toMatchObject({ proof: 'accepted', sentBytes: sketch.length });
    // No "commit": the second time finds out by itself what is there.
    expect(steps).toEqual(['prepare', 'write']);
    expect((await flash(new ScriptedChip({ kind: 'esp8266' }), sketch, { verify: false })).report.proof).toBe('sent');
    expect((await flash(new ScriptedChip({ kind: 'esp8266' }), sketch, { stub: false })).report.proof).toBe('sent');
  });

  it('takes only what a port can take', () => {
    const sketch = stored(buildEsp8266App());
    expect(serial.accepts(aDevice({ serial: PORT }), sketch)).toEqual({ accepted: true });
    expect(serial.accepts(aDevice(), sketch)).toMatchObject({ accepted: false });
    expect(serial.accepts(aDevice({ serial: PORT }), stored(gzipOf(buildEsp8266App())))).toMatchObject({
      accepted: false,
    });
  });
});

describe('its options', () => {
  it('have defaults that are read as what they say', () => {
    expect(readOptions({})).toMatchObject({
      baudRate: 921_600,
      reset: 'auto',
      offset: 'auto',
      verify: true,
      allowSecure: false,
    });
  });

  it('reads addresses, and resets as steps', () => {
    expect(readOffset('0x10000')).toBe(0x10000);
    expect(readOffset('65536')).toBe(0x10000);
    expect(() => readOffset('10000h')).toThrow(FlashError);
    expect(readReset('rts=1 wait=5')).toEqual([{ dtr: false, rts: true }, { waitMs: 5 }]);
  });

  it('are refused when the config is loaded', () => {
    expect(SERIAL_FIELDS.reset.check('rts=7')).toMatch('steps');
    expect(SERIAL_FIELDS.reset.check('classic')).toBeNull();
    expect(SERIAL_FIELDS.offset.check('-1')).toMatch('address');
  });
});
