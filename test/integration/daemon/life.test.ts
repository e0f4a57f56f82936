import { describe, expect, it } from 'vitest';
import { buildEsp8266App } from '../../fixtures/images.ts';
import { eventually, Site } from './site.ts';

const RULE = { name: 'all', firmware: { file: 'app-*' }, devices: { name: '*' } };

/** A site without devices, at work in no time. */
function quietSite(): Site {
  const site = new Site();
  site.configure({ discovery: { mdns: false }, rules: [RULE] });
  return site;
}

describe.concurrent('the daemon', () => {
  it('takes over a config that is right, and keeps its own where the new one is wrong', async () => {
    await using site = quietSite();
    const daemon = await site.start();
    site.drop('new-1.bin', buildEsp8266App({ seed: 40 }));
    await site.result('unmatched', 'new-1.bin');

    const newRule = { ...RULE, name: 'new', firmware: { file: 'new-*' } };
    site.configure({ discovery: { mdns: false }, rules: [RULE, newRule], log: { level: 'info' } });
    daemon.signal('SIGHUP');
    await daemon.until('config.reloaded');
    site.drop('new-2.bin', buildEsp8266App({ seed: 41 }));
    await site.result('done', 'new-2.bin');

    site.configure({ discovery: { mdns: false }, rulez: [RULE], limits: { total: 'many' } });
    daemon.signal('SIGHUP');
    expect(await daemon.until('config.rejected')).toMatchObject({ level: 'error', problems: 3 });
    expect(daemon.all('config.problem').map(({ code }) => code)).toContain('CONFIG_UNKNOWN_KEY');
    site.drop('new-3.bin', buildEsp8266App({ seed: 42 }));
    await site.result('done', 'new-3.bin');

    expect(await daemon.stop()).toBe(0);
    await daemon.until('daemon.stopping');
    expect(daemon.errors).toBe('');
  });

  it('is alone on its data, and starts again at once after it was killed', async () => {
    await using site = quietSite();
    const first = await site.start();
    const second = site.launch();
    expect(await second.exited).toBe(1);
    expect(second.errors).toContain(`SERVICE_ALREADY_RUNNING: another dropflash (process ${first.child.pid})`);

    first.signal('SIGKILL');
    await first.exited;
    const third = await site.start();
    third.signal('SIGINT');
    expect(await third.exited).toBe(0);
  });

  it('ends with 78 for a config that is wrong, with every problem in its place', async () => {
    await using site = new Site();
    site.write('config.yaml', 'version: 1\ndrop: { path: ./drop, setle: 2s }\nlimits: { total: 0 }\nruls: []\n');
    const daemon = site.launch();
    expect(await daemon.exited).toBe(78);
    expect(daemon.errors).toMatch(/config\.yaml:2:\d+ .*CONFIG_UNKNOWN_KEY.*settle/);
    expect(daemon.errors).toMatch(/config\.yaml:3:\d+ .*CONFIG_BAD_VALUE/);
    expect(daemon.errors).toMatch(/config\.yaml:4:\d+ .*CONFIG_UNKNOWN_KEY.*rules/);
    expect(daemon.errors).toContain('CONFIG_MISSING_KEY');
    expect(site.names()).toEqual([]);
  });

  it('goes on when the reader of its log goes away', async () => {
    await using site = quietSite();
    const daemon = await site.start();
    daemon.child.stdout.destroy();
    // What follows is written to nobody.
    site.drop('app-1.bin', buildEsp8266App({ seed: 43 }));
    await site.result('done', 'app-1.bin');
    expect(await daemon.stop()).toBe(0);
  });
});

/** One device that takes its time at the decisive moment, and a daemon that updates it. */
async function updating(timings: { readonly sectorMs?: number; readonly beforeOkMs?: number }) {
  const site = new Site();
  const name = site.named('slow');
  const fleet = await site.fleet([{ name, core: 'esp8266', board: 'd1_mini', timings }]);
  site.configure({ rules: [{ ...RULE, verify: { within: '8s' } }] });
  const daemon = await site.start();
  await daemon.until('device.seen', { device: name });
  const image = buildEsp8266App({ seed: 44, sizeBytes: 160_000 });
  site.drop('app-1.bin', image);
  await daemon.until('job.started');
  return { site, daemon, device: fleet.device(name), image };
}

describe.concurrent('a stop in the middle of an update', () => {
  it('before the last bytes: at once, and the next start begins again', async () => {
    const { site, daemon, device } = await updating({ sectorMs: 80 });
    await using _ = site;
    await eventually('half of it', () => device.counts.bytesReceived > 60_000);
    expect(await daemon.stop()).toBe(0);
    expect(await site.jobs()).toMatchObject([{ state: 'queued', attempts: 0, proof: null, step: null }]);
    expect(device.installed).toHaveLength(0);

    await site.start();
    expect(await site.result('done', 'app-1.bin')).toMatchObject({ jobs: [{ proof: 'returned', attempts: 1 }] });
    expect(device.installed).toHaveLength(1);
    expect(device.counts.uploadsBegun).toBe(2);
  });

  it('after the last byte: when the device has said whether it took it', async () => {
    const { site, daemon, device, image } = await updating({ beforeOkMs: 1_500 });
    await using _ = site;
    await eventually('all of it', () => device.counts.bytesReceived === image.length);
    expect(await daemon.stop()).toBe(0);
    expect(await site.jobs()).toMatchObject([{ state: 'confirming', attempts: 1, proof: 'accepted' }]);

    await site.start();
    expect(await site.result('done', 'app-1.bin')).toMatchObject({ jobs: [{ proof: 'returned', attempts: 1 }] });
    expect(device.counts.uploadsBegun).toBe(1);
  });

  it('insisted on: ends with 70, and nobody claims to know what became of it', async () => {
    const { site, daemon, device, image } = await updating({ beforeOkMs: 3_000 });
    await using _ = site;
    await eventually('all of it', () => device.counts.bytesReceived === image.length);
    daemon.signal('SIGTERM');
    await daemon.until('daemon.stopping');
    daemon.signal('SIGTERM');
    expect(await daemon.exited).toBe(70);
    await daemon.until('daemon.abandoned');

    await site.start();
    expect(await site.result('failed', 'app-1.bin')).toMatchObject({
      jobs: [{ state: 'failed', attempts: 1, error: { code: 'JOB_OUTCOME_UNKNOWN' } }],
    });
    expect(device.counts.uploadsBegun).toBe(1);
    expect(device.installed).toHaveLength(1);
  });
});
