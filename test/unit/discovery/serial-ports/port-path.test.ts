import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listedPath } from '../../../../src/discovery/serial-ports/port-path.ts';

it('follows links of links, and leaves alone what leads nowhere', ({ onTestFinished }) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'dropflash-port-path-')));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [port, link, second] = ['ttyUSB0', 'by-id', 'bench'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(port, '');
  symlinkSync('ttyUSB0', link);
  symlinkSync(link, second);
  expect([port, link, second].map((path) => listedPath(path, 'linux'))).toEqual([port, port, port]);
  rmSync(port);
  expect(listedPath(second, 'linux')).toBe(second);
});

it('takes a port across the network and COM ports as they are, and on macOS the one name for the other', () => {
  expect(listedPath('rfc2217://10.0.0.1:4000', 'linux')).toBe('rfc2217://10.0.0.1:4000');
  expect(listedPath('COM3', 'win32')).toBe('COM3');
  expect(listedPath('/dev/tty.usbserial-0001', 'darwin')).toBe('/dev/cu.usbserial-0001');
  expect(listedPath('/dev/cu.usbserial-0001', 'darwin')).toBe('/dev/cu.usbserial-0001');
});
