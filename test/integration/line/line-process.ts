import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { configEnvironment } from '../../../src/cli/config-file.ts';
import { systemClock } from '../../../src/clock.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { createDaemon } from '../../../src/daemon.ts';
import { silentLogger } from '../../../src/log.ts';
import type { SerialPortFacts } from '../../../src/model/device.ts';
import { Lifecycle } from '../../../src/service/lifecycle.ts';
import { recordedIo } from '../../unit/cli/recorded-io.ts';

/** A daemon as a process of its own, to be killed. Arguments: the folder of its config, and its USB ports as JSON. */
const [folder = '', ports = '[]'] = process.argv.slice(2);
const listings = (JSON.parse(ports) as SerialPortFacts[]).map((port) => ({ ...port, product: null }));
const { config } = await loadConfig(join(folder, 'config.yaml'), configEnvironment(recordedIo().io, 'required'));
if (config === null) throw new Error('the config has problems');
const log = silentLogger;
const usbPorts = { list: async () => listings };
const daemon = createDaemon({ config, pid: process.pid, clock: systemClock, random: Math.random, log, usbPorts });
await new Lifecycle(daemon.parts, { clock: systemClock, log }).start(10_000);
// Written now: who is killed does not get to do it at its end. The next process starts in half the time.
flushCompileCache();
process.stdout.write('ready\n');
