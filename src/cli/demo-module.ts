import { type PycomFleet, startPycoms } from '../simulator/pycom/pycom-fleet.ts';
import { BRISK_PYCOM } from '../simulator/pycom/pycom-spec.ts';
import { sampleImage } from '../simulator/sample-image.ts';

/** A pretend Pycom module, which a line of the config names. */
export const DEMO_MODULE = { name: 'tracker-van' } as const;

const BOARD = 'FiPy';
const VERSION = '1.20.3.r1';
/** Longer than the daemon needs to see that it is gone. */
const TIMINGS = { ...BRISK_PYCOM, turnMs: 1, bootMs: 2_500 };

/** Its FTP and telnet servers, on free ports of the loopback interface; the caller stops it. */
export function startDemoModule(): Promise<PycomFleet> {
  const spec = {
    ...DEMO_MODULE,
    board: BOARD,
    mcu: 'ESP32',
    version: '1.20.2.r6',
    builtOn: '2021-10-28',
    slotBytes: 1980 * 1024,
    bootLoader: 'sha256',
  } as const;
  return startPycoms([spec], { timings: TIMINGS });
}

/** The image that a rule takes for the module's board. */
export function demoModuleImage(sizeBytes: number): Uint8Array {
  const banner = `MicroPython v${VERSION} on 2026-01-15; ${BOARD} with ESP32`;
  return sampleImage({ chip: 'esp32', sizeBytes, version: VERSION, banner });
}

/** What the config says of the module, and its rule. The port of telnet is there because a pretend module cannot have port 23. */
export function demoModuleConfig({ devices }: PycomFleet): { readonly devices: string; readonly rule: string } {
  const [{ name, address, ftpPort, telnetPort } = { name: '', address: '', ftpPort: 0, telnetPort: 0 }] = devices;
  return {
    devices: `devices:
  - { name: ${name}, address: ${address}, port: ${ftpPort}, protocol: pycom-ftp, chip: esp32 }
`,
    rule: `  - name: trackers
    firmware: { project: ${BOARD} }
    devices: { name: "tracker-*" }
    update: { protocol: pycom-ftp, telnet-port: ${telnetPort} }
    verify: { proof: verified, within: 20s }
`,
  };
}
