import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../../src/firmware/dossier.ts';
import type { StoredImage } from '../../../../src/model/image.ts';
import { espota } from '../../../../src/protocols/espota/index.ts';
import { pycomFtp } from '../../../../src/protocols/pycom-ftp/index.ts';
import { isCredential } from '../../../../src/protocols/pycom-ftp/options.ts';
import {
  buildEsp32App,
  buildEsp8266App,
  buildLittleFs,
  buildMerged,
  buildOtadata,
  buildPycomApp,
  buildTarGz,
  buildWipy1App,
  gzipOf,
  pycomPackage,
} from '../../../fixtures/images.ts';
import { aDevice } from '../../../fixtures/records.ts';

function stored(bytes: Uint8Array): StoredImage {
  return { name: 'app.bin', sha256: '', sizeBytes: bytes.length, dossier: readDossier(bytes, 'app.bin') };
}

const verdictOn = (bytes: Uint8Array) => pycomFtp.accepts(aDevice({}), stored(bytes));

describe('a module', () => {
  it.each([
    ['an application with SHA-256', buildPycomApp()],
    ['an application with MD5', buildPycomApp({ signed: 'md5-tail' })],
    ['an application of somebody else, for the same chip', buildEsp32App()],
    ['an application for a WiPy 1', buildWipy1App()],
    ['the largest that any slot takes', buildPycomApp({ sizeBytes: 1980 * 1024 - 500 })],
  ])('takes %s', (_what, bytes) => expect(verdictOn(bytes)).toEqual({ accepted: true }));

  it.each([
    ['a factory image', buildMerged(), /over USB/],
    ['a file system', buildLittleFs(), /over USB/],
    ['a boot record', buildOtadata(), /over USB/],
    ['a patch', Buffer.concat([Buffer.from('BSDIFF40'), Buffer.alloc(500, 7)]), /no application/],
    ['an application for another chip', buildEsp8266App(), /esp8266/],
    ['one for another chip of the family', buildEsp32App({ chip: 'esp32s3' }), /esp32s3/],
    ['a package', buildTarGz(pycomPackage()), /take wipy\.bin out of it .* or flash it over a serial port/],
    ['one without SHA-256 and MD5', buildPycomApp({ signed: 'none' }), /does not start it/],
    ['a compressed one', gzipOf(buildPycomApp()), /does not inflate/],
    ['one that is too large for any slot', buildPycomApp({ sizeBytes: 1980 * 1024 + 2_000 }), /2,027,520/],
    ['one that is too large for a WiPy 1', buildWipy1App({ sizeBytes: 192 * 1024 + 500 }), /196,608/],
  ])('does not take %s', (_what, bytes, reason) => {
    expect(verdictOn(bytes)).toEqual({ accepted: false, reason: expect.stringMatching(reason) });
  });
});

describe('an application for a WiPy 1', () => {
  it('is none for ArduinoOTA', () => {
    expect(espota.accepts(aDevice({}), stored(buildWipy1App()))).toMatchObject({ accepted: false });
  });
});

describe('a credential', () => {
  it('is what both servers can read', () => {
    expect(['micro', 'a', '!~', 'x'.repeat(32)].filter(isCredential)).toHaveLength(4);
    expect(['', 'two words', 'x'.repeat(33), 'line\n', 'ü'].filter(isCredential)).toEqual([]);
  });
});
