import { randomBytes } from 'node:crypto';
import { systemClock } from '../src/clock.ts';
import { WASPMOTE_MODULES } from '../src/simulator/waspmote/modules.ts';
import { Mote } from '../src/simulator/waspmote/mote.ts';
import { freePort } from '../test/integration/waspmote/waspmote-site.ts';
import { DaemonSite } from './daemon-site.ts';
import { useOf } from './process-use.ts';
import type { BenchRow } from './row.ts';
import { until } from './until.ts';

const MOTES = 200;
const PROGRAM_BYTES = 48_452;
const BAUD = 9_600;

/** Two hundred motes behind slow serial lines that fetch the same program at the same time, each from an address of its own. */
export async function benchSlowMotes({ isQuick }: { readonly isQuick: boolean }): Promise<BenchRow[]> {
  const baud = isQuick ? BAUD * 10 : BAUD;
  const port = await freePort();
  await using site = await DaemonSite.open(configOf(port));
  await site.daemon.until('server.ready');
  const program = randomBytes(PROGRAM_BYTES);
  program.write('TEST001', 64, 'latin1');
  site.moveIn('TEST001', program);
  await site.daemon.until('publication.published');

  const before = useOf(site.daemon.pid);
  const beganMs = performance.now();
  const server = { host: '127.0.0.1', port, user: 'ota', password: 'libelium' };
  const visits = Array.from({ length: MOTES }, async (_, nth) => {
    const mote = new Mote(WASPMOTE_MODULES[nth % WASPMOTE_MODULES.length] ?? 'wifi', 'OLD_APP', 255);
    const localAddress = `127.0.8.${nth + 1}`;
    const { kind } = await mote.visit(server, {
      clock: systemClock,
      baud,
      cutAfter: null,
      localAddress,
      mode: 'passive',
    });
    return kind === 'updated' && mote.program !== null && program.equals(mote.program);
  });
  const whole = (await Promise.all(visits)).filter(Boolean).length;
  const tookSeconds = (performance.now() - beganMs) / 1000;
  const sent = () => site.daemon.all('job.waiting').filter((line) => line['proof'] === 'sent').length;
  await until(() => sent() === MOTES, 'every transfer is known to be whole', 30_000);
  const after = useOf(site.daemon.pid);
  const lineSeconds = (PROGRAM_BYTES * 10) / baud;
  return [
    { what: `programs whole, of ${MOTES}`, value: whole, unit: '', aim: `${MOTES}` },
    {
      what: `all of them, ${baud} baud each`,
      value: tookSeconds,
      unit: 's',
      ratio: { value: tookSeconds / lineSeconds, of: 'one line alone' },
    },
    { what: 'memory of the daemon at most (resident)', value: after.peakRssMegabytes, unit: 'MB' },
    { what: 'memory that came with the motes', value: after.rssMegabytes - before.rssMegabytes, unit: 'MB' },
    { what: 'processor time of the daemon', value: after.cpuSeconds - before.cpuSeconds, unit: 's' },
  ];
}

function configOf(port: number): string {
  return `discovery: { mdns: false }
servers: { ftp: { address: 127.0.0.1, port: ${port}, users: [{ name: ota, password: libelium }] } }
rules:
  - name: motes
    firmware: { kind: data }
    update: { protocol: waspmote-ftp }
`;
}
