import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import { buildEsp32App, buildEsp8266App } from '../../fixtures/images.ts';
import { eventually, Site } from './site.ts';

/** By environment, by file, in plain text; and one that the device does not take. */
const PASSWORDS = ['env-Tr0ub4dor', 'file-c0rrecthorse', 'plain-b4tterystaple', 'wrong-h0rsebattery'] as const;
const [BY_ENV, BY_FILE, PLAIN, WRONG] = PASSWORDS;

it('writes no password anywhere, at the most talkative level, whatever happens', async () => {
  await using site = new Site();
  const names = ['by-env', 'by-file', 'plain', 'wrong'].map((name) => site.named(name));
  const [byEnv, byFile, plain, wrong] = names;
  const fleet = await site.fleet([
    { name: byEnv ?? '', core: 'esp8266', board: 'd1_mini', password: BY_ENV },
    { name: byFile ?? '', core: 'esp32-sha256', board: 'lolin32', password: BY_FILE },
    { name: plain ?? '', core: 'esp32-md5', board: 'lolin32', password: PLAIN },
    { name: wrong ?? '', core: 'esp32-sha256', board: 'lolin32', password: 'another one' },
  ]);
  site.env['OTA_PASSWORD'] = BY_ENV;
  site.write('password-file', `${BY_FILE}\n`);
  const rule = (device: string | undefined, password: unknown) => ({
    name: device,
    firmware: { file: '*.bin' },
    devices: { name: device },
    update: { password },
    verify: { proof: 'accepted' },
  });
  site.configure({
    log: { level: 'trace', file: { path: './dropflash.log' } },
    rules: [
      rule(byEnv, { env: 'OTA_PASSWORD' }),
      rule(byFile, { file: 'password-file' }),
      rule(plain, PLAIN),
      rule(wrong, WRONG),
    ],
  });
  const daemon = await site.start();
  await Promise.all(names.map((device) => daemon.until('device.seen', { device })));
  site.drop('8266.bin', buildEsp8266App({ seed: 50 }));
  site.drop('32.bin', buildEsp32App({ seed: 51 }));
  await site.result('done', '8266.bin');
  await site.result('failed', '32.bin');
  const taken = () => names.map((name) => fleet.device(name).installed.length);
  // An ESP8266 says OK a moment before it is done.
  await eventually('three updates', () => isDeepStrictEqual(taken(), [1, 1, 1, 0]));
  await daemon.until('job.failed', { device: wrong, code: 'OTA_AUTH_REFUSED' });
  daemon.signal('SIGHUP');
  await daemon.until('config.reloaded');
  const { stdout, stderr } = await site.cli('check', '--json');
  const jobs = await site.cli('jobs', '--json');
  expect(await daemon.stop()).toBe(0);

  const written = new Map([
    ['the log', daemon.output],
    ['stderr', daemon.errors],
    ['check', stdout + stderr],
    ['jobs', jobs.stdout],
    ...filesOf(site),
  ]);
  expect([...written.keys()]).toContain('dropflash.log');
  expect([...written.keys()].filter((name) => name.startsWith('data/')).length).toBeGreaterThan(2);
  for (const password of PASSWORDS) {
    expect([...written].filter(([, text]) => text.includes(password)).map(([name]) => name)).toEqual([]);
  }
});

/** Everything under the site but the two files that hold the passwords by right. */
function filesOf({ home }: Site): [string, string][] {
  return readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !['config.yaml', 'password-file'].includes(entry.name))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(home.length + 1), readFileSync(path, 'latin1')];
    });
}
