import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/log.ts';
import type { FirmwareImage } from '../../../src/model/image.ts';
import { waspmoteFtp } from '../../../src/protocols/waspmote-ftp/index.ts';
import { WASPMOTE_MODULES } from '../../../src/simulator/waspmote/modules.ts';
import { Mote } from '../../../src/simulator/waspmote/mote.ts';
import { aPublication, PROGRAM } from '../../unit/protocols/waspmote-ftp/ftp-site.ts';
import { OTHER_FTP_SERVERS, type OtherFtpServer, RunningFtpServer } from './ftp-servers.ts';
import { aProgram, freePort, GOOD_LINE } from './waspmote-site.ts';

const OPTIONS = { user: 'ota', gprs: true, 'first-version': 1, quiet: 360_000 };
const never = new AbortController().signal;
const program = (bytes: Uint8Array) => ({ bytes }) as unknown as FirmwareImage;
const carrierTo = (port: number, over: Readonly<Record<string, string>> = {}) =>
  waspmoteFtp.carrier(
    { ...OPTIONS, server: `ftp://127.0.0.1:${port}`, ...over },
    { clock: systemClock, log: silentLogger },
  );

let running: RunningFtpServer | null = null;

afterEach(async () => {
  await running?.stop();
  running = null;
});

describe.each(OTHER_FTP_SERVERS)('publishing to $name', (server: OtherFtpServer) => {
  const reason = server.missing === null ? '' : ` (${server.missing})`;

  it.skipIf(server.missing !== null)(
    `brings the program and then UPGRADE.TXT, for all four modules, and takes them away${reason}`,
    async () => {
      running = await RunningFtpServer.start(server);
      const { folder, port } = running;
      const carrier = carrierTo(port, { user: server.user });
      const text = (...path: string[]) => readFileSync(join(folder, ...path), 'latin1');
      const bytes = aProgram('TEST001', 20_000);

      for (const number of [3, 4]) {
        await carrier.publish(aPublication({ number }), program(bytes), never);
        for (const place of [[], ['.gprs']]) {
          expect(text(...place, 'UPGRADE.TXT')).toBe(`FILE:TEST001\nPATH:/\nSIZE:20000\nVERSION:${number}\n`);
          expect(readFileSync(join(folder, ...place, 'TEST001')).equals(bytes)).toBe(true);
          expect(readdirSync(join(folder, ...place)).filter((name) => name.endsWith('.new'))).toEqual([]);
        }
      }
      // vsftpd shows its whole path as the root here; the others show what a mote would see.
      if (server.name !== 'vsftpd') {
        for (const module of WASPMOTE_MODULES) {
          const mote = new Mote(module, 'TEST001', 3);
          const address = { host: '127.0.0.1', port, user: server.user, password: 'libelium' };
          expect([module, await mote.visit(address, GOOD_LINE)]).toEqual([module, { kind: 'updated' }]);
        }
      }

      await carrier.withdraw(aPublication(), never);
      expect(text('UPGRADE.TXT')).toBe('FILE:NO_FILE\nPATH:/\nSIZE:0\nVERSION:0\n');
      expect(text('.gprs', 'UPGRADE.TXT')).toContain('NO_FILE');
      expect(existsSync(join(folder, 'TEST001'))).toBe(false);
    },
  );
});

describe('a server that cannot be published to', () => {
  const codeOf = async (work: Promise<unknown>) =>
    await work.then(
      () => 'done',
      (error: { code?: string }) => error.code,
    );
  const other = OTHER_FTP_SERVERS.findLast(({ missing, name }) => missing === null && name !== 'vsftpd');

  it('is one that nobody listens on', async () =>
    expect(await codeOf(carrierTo(await freePort()).publish(aPublication(), program(PROGRAM), never))).toBe(
      'PUBLISH_UNREACHABLE',
    ));

  it.skipIf(other === undefined)('is one that does not know the password, or has no such folder', async () => {
    running = await RunningFtpServer.start(other as OtherFtpServer);
    const wrong = { password: { source: 'test', reveal: () => 'wrong' } } as never;
    const publish = (over: Readonly<Record<string, string>>) =>
      codeOf(carrierTo(running?.port ?? 0, over).publish(aPublication(), program(PROGRAM), never));
    expect(await publish(wrong)).toBe('PUBLISH_LOGIN_REFUSED');
    expect(await publish({ server: `ftp://127.0.0.1:${running.port}/nowhere` })).toBe('PUBLISH_REFUSED');
    expect(readdirSync(running.folder)).toEqual([]);
  });
});
