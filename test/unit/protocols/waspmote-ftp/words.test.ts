import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOTHING_FOUND } from '../../../../src/firmware/findings.ts';
import type { FirmwareImage } from '../../../../src/model/image.ts';
import { resolvePath } from '../../../../src/protocols/waspmote-ftp/folder.ts';
import { waspmoteFtp } from '../../../../src/protocols/waspmote-ftp/index.ts';
import { nameOfFile, whyNotName } from '../../../../src/protocols/waspmote-ftp/program-name.ts';
import { parseExtendedPort, parsePort, passiveReply } from '../../../../src/protocols/waspmote-ftp/server/addresses.ts';
import { CommandLines } from '../../../../src/protocols/waspmote-ftp/server/command-lines.ts';
import { encodeUpgradeText } from '../../../../src/protocols/waspmote-ftp/upgrade-text.ts';

const OPTIONS = { user: 'ota', gprs: true, 'first-version': 1, quiet: 360_000 };

function image(name: string, bytes = Buffer.from(`..${name}..`), kind: 'data' | 'app' = 'data'): FirmwareImage {
  const dossier = { ...NOTHING_FOUND, kind } as unknown as FirmwareImage['dossier'];
  return { sha256: 'aa', name, sizeBytes: bytes.length, bytes, dossier };
}

describe('UPGRADE.TXT', () => {
  it('is what the modules parse, byte for byte', () => {
    expect(String(encodeUpgradeText({ file: 'TEST001', sizeBytes: 48_452, version: 3 }))).toBe(
      'FILE:TEST001\nPATH:/\nSIZE:48452\nVERSION:3\n',
    );
    expect(String(encodeUpgradeText(null))).toBe('FILE:NO_FILE\nPATH:/\nSIZE:0\nVERSION:0\n');
  });
});

describe('the name of a program', () => {
  it.each(['TEST001', '_4G_20_', 'a.b-c+d'])('%s is one', (name) => expect(whyNotName(name)).toBe(null));
  it.each(['TEST01', 'TEST0001', 'TES T01', 'TES/T01', 'TES:T01', 'TEST0ö1', 'NO_FILE', 'no_file', ''])(
    '%s is none',
    (name) => expect(whyNotName(name)).not.toBe(null),
  );
  it('is that of the file, without the ending that some tools add', () => {
    expect(nameOfFile('TEST001')).toBe('TEST001');
    expect(nameOfFile('TEST001.bin')).toBe('TEST001');
    expect(nameOfFile('TEST001.hex')).toBe(null);
  });
});

describe('an offer', () => {
  it('has the name of the file and a version that GPRS modules understand', () =>
    expect(waspmoteFtp.offer(image('TEST001'), OPTIONS)).resolves.toEqual({
      part: '',
      terms: { name: 'TEST001', gprs: true, quietMs: 360_000 },
      number: { series: 'waspmote TEST001', first: 1, last: 127 },
      remarks: [],
    }));

  it('goes to 255 without them, and takes the name from the rule', () =>
    expect(waspmoteFtp.offer(image('app-v2.bin'), { ...OPTIONS, gprs: false, name: 'METER_1' })).resolves.toMatchObject(
      {
        terms: { name: 'METER_1' },
        number: { last: 255 },
        remarks: [expect.stringContaining('does not stand in the program')],
      },
    ));

  it('is none for another kind of name or file, with the way out', async () => {
    await expect(waspmoteFtp.offer(image('app-v2.bin'), OPTIONS)).rejects.toThrow(
      expect.objectContaining({ code: 'WASPMOTE_BAD_NAME' }),
    );
    const app = image('TEST001', Buffer.alloc(8), 'app');
    await expect(waspmoteFtp.offer(app, OPTIONS)).rejects.toThrow(
      expect.objectContaining({ code: 'WASPMOTE_BAD_PROGRAM' }),
    );
  });

  it('notes what does not fit a Waspmote', () =>
    expect(waspmoteFtp.offer(image('TEST001', Buffer.alloc(130_000, 'TEST001')), OPTIONS)).resolves.toMatchObject({
      remarks: [expect.stringContaining('room for 122880')],
    }));
});

describe('places', () => {
  const servers = { ftp: null } as never;
  it('are users, here or on a server of somebody else', () => {
    expect(waspmoteFtp.placeOf(OPTIONS)).toBe('user ota');
    expect(waspmoteFtp.isServedHere('user ota')).toBe(true);
    const elsewhere = waspmoteFtp.placeOf({ ...OPTIONS, server: 'ftp://meshlium.local/motes/' });
    expect(elsewhere).toBe('ftp://meshlium.local:21/motes as ota');
    expect(waspmoteFtp.isServedHere(elsewhere)).toBe(false);
  });
  it('need a server that has the user', () => {
    expect(waspmoteFtp.problemWith(OPTIONS, servers)).toContain('there is no FTP server');
    const ftp = { users: [{ name: 'meters' }] };
    expect(waspmoteFtp.problemWith(OPTIONS, { ftp } as never)).toContain('no user "ota" (it has meters)');
    expect(waspmoteFtp.problemWith({ ...OPTIONS, user: 'meters' }, { ftp } as never)).toBe(null);
    expect(waspmoteFtp.problemWith({ ...OPTIONS, server: 'ftp://10.0.0.5' }, servers)).toBe(null);
    expect(waspmoteFtp.problemWith({ ...OPTIONS, 'first-version': 200, server: 'ftp://10.0.0.5' }, servers)).toContain(
      '127',
    );
  });
});

describe('command lines', () => {
  it('are the same however they arrive', () =>
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[ -~]{0,40}$/)), fc.array(fc.nat(20)), (commands, cuts) => {
        const bytes = Buffer.from(commands.map((command) => `${command}\r\n`).join(''), 'latin1');
        const lines = new CommandLines();
        const found: (string | null)[] = [];
        let at = 0;
        for (const cut of cuts) {
          found.push(...lines.push(bytes.subarray(at, at + cut)));
          at += cut;
        }
        found.push(...lines.push(bytes.subarray(at)));
        expect(found).toEqual(commands);
      }),
    ));

  it('are none where they are too long, and the signal before ABOR is no part of one', () => {
    const lines = new CommandLines();
    expect(lines.push(Buffer.from(`${'x'.repeat(600)}\r\nNOOP\r\n`))).toEqual([null, 'NOOP']);
    expect(lines.push(Buffer.from([0xff, 0xf4, 0xff, 0xf2, ...Buffer.from('ABOR\r\n')]))).toEqual(['ABOR']);
  });
});

describe('addresses', () => {
  it('are read as the RFCs write them', () => {
    expect(parsePort('132,235,1,2,24,131')).toEqual({ host: '132.235.1.2', port: 6275 });
    expect(parsePort('132,235,1,256,24,131')).toBe(null);
    expect(parseExtendedPort('|1|132.235.1.2|6275|')).toEqual({ host: '132.235.1.2', port: 6275 });
    expect(parseExtendedPort('|2|1080::8:800:200C:417A|5282|')).toEqual({ host: '1080::8:800:200C:417A', port: 5282 });
    expect(parseExtendedPort('|1|1080::1|6275|')).toBe(null);
    expect(passiveReply('192.168.4.1', 2024)).toBe('227 Entering Passive Mode (192,168,4,1,7,232).');
  });

  it('of any other form are none', () =>
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const found of [parsePort(text), parseExtendedPort(text)]) {
          if (found !== null) expect(found.port).toBeLessThanOrEqual(65_535);
        }
      }),
    ));
});

describe('paths', () => {
  it('lead from the root down, and never up', () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom('..', '.', '', 'a', '.gprs')), fc.boolean(), (parts, isAbsolute) => {
        const path = `${isAbsolute ? '/' : ''}${parts.join('/')}`;
        const names = resolvePath(['.gprs'], path);
        if (parts.includes('..')) expect(names).toBe(null);
        else expect(names?.some((name) => name === '' || name === '.')).toBe(false);
      }),
    ));
});
