import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PycomFleet, startPycoms } from '../../../src/simulator/pycom/pycom-fleet.ts';
import { BRISK_PYCOM } from '../../../src/simulator/pycom/pycom-spec.ts';
import { buildPycomApp } from '../../fixtures/images.ts';
import { dropflash } from '../../unit/cli/recorded-io.ts';

/** Where Debian puts servers, which the path of a user does not name. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
const find = (name: string) => FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'dropflash-ftp-'));
const IMAGE = buildPycomApp({ sizeBytes: 300_000 });

beforeAll(() => writeFileSync(join(folder, 'wipy.bin'), IMAGE));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function freePort(address: string): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const vsftpd = find('vsftpd');

describe.skipIf(vsftpd === undefined || process.getuid?.() !== 0)('against vsftpd (Debian; needs root)', () => {
  /** It says a wrong address for its data connections, as modules do. */
  async function serve(banner: string, use: (port: number, root: string) => Promise<void>): Promise<void> {
    const root = join(folder, `root-${banner.length}`);
    mkdirSync(join(root, 'flash', 'sys'), { recursive: true });
    chmodSync(folder, 0o755);
    chmodSync(join(root, 'flash', 'sys'), 0o777);
    chmodSync(root, 0o555);
    const port = await freePort('127.66.0.1');
    const settings = [
      'listen=YES',
      'background=NO',
      'listen_address=127.66.0.1',
      `listen_port=${port}`,
      'anonymous_enable=YES',
      'write_enable=YES',
      'anon_upload_enable=YES',
      'anon_umask=022',
      `anon_root=${root}`,
      `ftpd_banner=${banner}`,
      'pasv_address=192.168.4.1',
      'seccomp_sandbox=NO',
    ];
    writeFileSync(join(folder, 'vsftpd.conf'), `${settings.join('\n')}\n`);
    const server = spawn(vsftpd ?? '', [join(folder, 'vsftpd.conf')], { stdio: 'ignore' });
    try {
      await use(port, root);
    } finally {
      server.kill();
      await once(server, 'exit');
    }
  }

  const flash = (port: number) =>
    dropflash(
      ['flash', 'wipy.bin', '--json', '--retries', '1', '--to', `pycom-ftp://127.66.0.1:${port}`].concat(
        ['user=anonymous', 'password=x', 'reset=none', 'telnet-port=9'].flatMap((option) => ['--set', option]),
      ),
      { cwd: folder },
    );

  it('an image arrives whole, at its path', async () => {
    await serve('Micropython FTP Server', async (port, root) => {
      const { json } = await flash(port);
      expect(json()).toMatchObject({ outcome: 'succeeded', proof: 'sent', error: null });
      expect(Buffer.compare(readFileSync(join(root, 'flash', 'sys', 'appimg.bin')), IMAGE)).toBe(0);
    });
  }, 60_000);

  it('a server that is none of a module gets nothing', async () => {
    await serve('Welcome', async (port, root) => {
      const { json } = await flash(port);
      expect(json()).toMatchObject({ outcome: 'failed', error: { code: 'PYCOM_WRONG_SERVER' } });
      expect(existsSync(join(root, 'flash', 'sys', 'appimg.bin'))).toBe(false);
    });
  }, 60_000);
});

describe('the simulated module', () => {
  let fleet: PycomFleet;
  beforeAll(async () => {
    const spec = {
      name: 'a',
      board: 'WiPy',
      mcu: 'ESP32',
      version: '1.18.3',
      builtOn: '2019-01-01',
      slotBytes: 1_760_000,
      bootLoader: 'sha256',
    };
    fleet = await startPycoms([spec as Parameters<typeof startPycoms>[0][number]], { timings: BRISK_PYCOM });
  });
  afterAll(() => fleet.stop());
  const device = () => fleet.device('a');
  const url = (path: string) => `ftp://micro:python@${device().address}:${device().ftpPort}/${path}`;
  const curl = find('curl');
  const lftp = find('lftp');

  it.skipIf(curl === undefined)('serves curl, which uploads the image by its path', async () => {
    const { stdout } = await run(curl ?? '', ['-sS', '--ftp-method', 'nocwd', url('%2Fflash/boot.py')]);
    expect(stdout).toContain('boot.py');
    await run(curl ?? '', [
      '-sS',
      '--ftp-method',
      'nocwd',
      '-T',
      join(folder, 'wipy.bin'),
      url('%2Fflash/sys/appimg.bin'),
    ]);
    expect([device().counts.uploadsFinished, device().isMarked]).toEqual([1, true]);
    await device().powerCycle();
    expect(device().installed.map((bytes) => Buffer.compare(bytes, IMAGE))).toEqual([0]);
  });

  it.skipIf(lftp === undefined)('serves lftp, which reads its lists', async () => {
    const commands = [
      'set ftp:ssl-allow no',
      'set net:timeout 10',
      'set net:max-retries 2',
      `open -u micro,python ftp://${device().address}:${device().ftpPort}`,
      'cls /flash',
    ];
    const { stdout } = await run(lftp ?? '', ['-c', commands.join('; ')]);
    expect(stdout).toMatch(/main\.py[\s\S]*sys/);
  });
});
