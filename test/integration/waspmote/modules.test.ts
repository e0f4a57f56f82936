import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeUpgradeText } from '../../../src/protocols/waspmote-ftp/upgrade-text.ts';
import { WASPMOTE_MODULES } from '../../../src/simulator/waspmote/modules.ts';
import { Mote } from '../../../src/simulator/waspmote/mote.ts';
import { readUpgradeFile } from '../../../src/simulator/waspmote/upgrade-file.ts';
import { runCommand } from '../daemon/daemon-process.ts';
import { aProgram, GOOD_LINE, WaspmoteSite } from './waspmote-site.ts';

describe('UPGRADE.TXT, as each module reads it', () => {
  it.each(WASPMOTE_MODULES)('%s reads ours', (module) => {
    const reading = readUpgradeFile(module, encodeUpgradeText({ file: 'TEST001', sizeBytes: 48_452, version: 3 }));
    expect(reading).toMatchObject({ kind: 'upgrade', file: 'TEST001', path: '/', version: 3 });
    expect(readUpgradeFile(module, encodeUpgradeText(null))).toEqual({ kind: 'nothing' });
  });

  it.each([
    ['wifi', 'FILE:TEST001\r\nPATH:/\r\nSIZE:1\r\nVERSION:3\r\n', { kind: 'error', code: 'ERROR_CODE_0022' }],
    ['4g', 'FILE:TEST001\r\nPATH:/\r\nSIZE:1\r\nVERSION:3\r\n', { kind: 'error', code: '4' }],
    ['3g', 'FILE:TEST001\r\nPATH:/\r\nSIZE:1\r\nVERSION:3\n', { path: '/\r' }],
    ['wifi', 'FILE:TEST001\nPATH:/\nSIZE:1\nVERSION:3', { kind: 'crash' }],
    ['gprs', 'FILE:TEST001\nPATH:/\nSIZE:1\nVERSION:3', { kind: 'crash' }],
    ['3g', 'VERSION:3\nFILE:TEST001\nPATH:/\nSIZE:1\n', { file: '3\nFILE:' }],
    ['gprs', 'FILE:TEST001\nPATH:/\nSIZE:1\nVERSION:1000\n', { kind: 'error', code: '-4' }],
  ] as const)('%s does not read %j', (module, text, wanted) =>
    expect(readUpgradeFile(module, Buffer.from(text))).toMatchObject(wanted),
  );
});

describe('motes and the daemon', () => {
  let site: WaspmoteSite;
  const rule = `  - name: motes
    firmware: { file: "TEST*" }
    update: { protocol: waspmote-ftp, quiet: 1s }
  - name: meters
    firmware: { file: "METER*" }
    update: { protocol: waspmote-ftp, user: meters, gprs: false, first-version: 200 }
    verify: { proof: sent }
`;
  const motes = WASPMOTE_MODULES.map((module) => new Mote(module, 'OLD_APP', 255));
  const lineOf = (index: number) => ({ ...GOOD_LINE, localAddress: `127.0.7.${index + 1}` });
  const visitAll = () => Promise.all(motes.map((mote, index) => mote.visit(site.server, lineOf(index))));
  const proofs = () => site.jobs().map(({ device, proof }) => `${device} ${proof}`);
  const eachWith = (proof: string) => motes.map((_, index) => `ota@127.0.7.${index + 1} ${proof}`);

  beforeAll(async () => {
    site = await WaspmoteSite.open(rule);
  });
  afterAll(() => site.close());

  it('find nothing to do before anything is published', async () => {
    for (const outcome of await visitAll()) expect(outcome).toEqual({ kind: 'nothing', why: 'no file' });
    expect(site.jobs()).toEqual([]);
    const { stdout: devices } = await runCommand(['devices'], { cwd: site.folder });
    expect(devices.match(/^ota@127\.0\.7\.\d .* found nothing /gm)).toHaveLength(motes.length);
    const { stdout: history } = await runCommand(['history', 'ota@127.0.7.1'], { cwd: site.folder });
    expect(history).toMatch(/came to +user ota \(waspmote-ftp\), looked 1 time, last .* and found nothing$/m);
  });

  it('all four take a program: sent when they have it, accepted when they come again and fetch nothing', async () => {
    const program = aProgram('TEST001');
    await site.publish('TEST001', program);
    for (const outcome of await visitAll()) expect(outcome).toEqual({ kind: 'updated' });
    for (const mote of motes) expect(mote).toMatchObject({ programName: 'TEST001', version: 1, program });
    await expect.poll(() => proofs().sort(), { timeout: 60_000 }).toEqual(eachWith('sent'));

    for (const outcome of await visitAll()) expect(outcome).toEqual({ kind: 'nothing', why: 'not newer' });
    await expect.poll(() => proofs().sort(), { timeout: 60_000 }).toEqual(eachWith('accepted'));
    await site.daemon.until('publication.accepted', { device: 'ota@127.0.7.1' });
    expect(site.daemon.all('publication.fetched')).toHaveLength(4);
  });

  it('have their place among the devices, by user and address', async () => {
    const ask = async (...args: string[]) =>
      JSON.parse((await runCommand([...args, '--json'], { cwd: site.folder })).stdout);
    const devices: { readonly id: string }[] = await ask('devices');
    expect(devices.map(({ id }) => id)).toEqual(motes.map((_, index) => `ota@127.0.7.${index + 1}`));
    expect(devices[0]).toMatchObject({ protocol: 'waspmote-ftp', image: { name: 'TEST001', proof: 'accepted' } });
    const { device, jobs } = await ask('history', '127.0.7.2');
    expect(device.visits).toMatchObject([{ place: 'user ota' }]);
    expect(jobs).toMatchObject([{ imageName: 'TEST001', state: 'succeeded', attemptRecords: [{ proof: 'sent' }] }]);
    const { holds, releases } = await ask('explain', 'ota@127.0.7.2');
    expect(holds).toMatchObject({ name: 'TEST001', proof: 'accepted' });
    expect(releases).toMatchObject([{ rule: 'motes', next: 'nothing: this release is done here' }]);
    const { planned, refused } = await ask('undo', 'ota@127.0.7.2');
    expect({ planned, device: refused[0]?.device }).toEqual({ planned: [], device: 'ota@127.0.7.2' });
    const { stdout } = await runCommand(['explain', 'ota@127.0.7.2'], { cwd: site.folder });
    expect(stdout).toContain('it comes by itself');
  });

  it('take a newer program of the same name by its higher version, also over a restart of the daemon', async () => {
    const program = aProgram('TEST001');
    await site.publish('TEST001', program);
    await site.restart();
    for (const outcome of await visitAll()) expect(outcome).toEqual({ kind: 'updated' });
    for (const mote of motes) expect(mote).toMatchObject({ version: 2, program });
  });

  it('keep their program when the transfer is cut, and that is told; the next visit takes it', async () => {
    await site.publish('TEST001', aProgram('TEST001', 300_000));
    const [mote] = motes;
    const cut = await mote?.visit(site.server, { ...lineOf(0), cutAfter: 5_000 });
    expect(cut).toMatchObject({ kind: 'failed' });
    expect(mote?.version).toBe(2);
    const told = await site.daemon.until('job.retry', { device: 'ota@127.0.7.1' });
    expect(told['code']).toBe('WASPMOTE_BROKEN_OFF');
    await expect.poll(() => site.jobs()[0]).toEqual({ device: 'ota@127.0.7.1', state: 'queued', proof: null });
    expect(await mote?.visit(site.server, lineOf(0))).toEqual({ kind: 'updated' });
  });

  it('that refuse the program are never reported as accepted', async () => {
    await site.publish('TEST002', aProgram('WRONG_1'));
    const [mote] = motes;
    for (let visit = 0; visit < 2; visit += 1)
      expect(await mote?.visit(site.server, lineOf(0))).toEqual({ kind: 'refused' });
    await expect.poll(() => site.jobs()[0]).toEqual({ device: 'ota@127.0.7.1', state: 'confirming', proof: 'sent' });
    expect(site.daemon.all('publication.doubtful')).toContainEqual(expect.objectContaining({ file: 'TEST002' }));
    const result = join(site.folder, 'drop', 'done', 'TEST002.result.json');
    await expect.poll(() => existsSync(result), { timeout: 60_000 }).toBe(true);
    const { warnings } = JSON.parse(readFileSync(result, 'utf8'));
    expect(warnings).toEqual([expect.stringContaining('"TEST002" does not stand in the program')]);
    expect((await runCommand(['publications'], { cwd: site.folder })).stdout).toContain(warnings[0]);
  });

  it('find nothing any more when it is withdrawn', async () => {
    const { stdout } = await runCommand(['publications', '--json'], { cwd: site.folder });
    const [{ release, place, number, visitors }] = JSON.parse(stdout);
    expect({ place, number }).toEqual({ place: 'user ota', number: 1 });
    expect(visitors).toHaveLength(4);
    expect((await runCommand(['undo', release], { cwd: site.folder })).exitCode).toBe(0);
    await site.daemon.until('publication.withdrawn', { release });
    for (const outcome of await visitAll()) expect(outcome).toEqual({ kind: 'nothing', why: 'no file' });
  });

  it('of another user see another program, with versions above 127 where no GPRS module is among them', async () => {
    await site.publish('METER_7', aProgram('METER_7'));
    const meters = { ...site.server, user: 'meters' };
    const wifi = new Mote('wifi', 'METER_7', 199);
    expect(await wifi.visit(meters, { ...lineOf(8), mode: 'active' })).toEqual({ kind: 'updated' });
    expect(wifi.version).toBe(200);
    expect(await new Mote('gprs', 'METER_7', 3).visit(meters, lineOf(9))).toMatchObject({ kind: 'failed' });
    await expect.poll(() => site.jobs()[0]).toEqual({ device: 'meters@127.0.7.9', state: 'succeeded', proof: 'sent' });
  });

  it('are told of by the plan, which uses no version up', async () => {
    writeFileSync(join(site.folder, 'TEST001'), aProgram('TEST001'));
    const { stdout } = await runCommand(['plan', '--json', 'TEST001'], { cwd: site.folder });
    expect(JSON.parse(stdout).publications).toMatchObject([
      { rule: 'motes', place: 'user ota', number: 4, error: null },
    ]);
  });

  it('get no file of another name: it is rejected, with what to do', async () => {
    site.drop('TESTING1.bin', aProgram('TESTING'));
    const line = await site.daemon.until('file.rejected');
    expect(line['code']).toBe('WASPMOTE_BAD_NAME');
  });
});
