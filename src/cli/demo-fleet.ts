import type { JobState } from '../model/job.ts';
import type { Proof } from '../model/proof.ts';
import type { DeviceSpec } from '../simulator/device-spec.ts';

/** A pretend device with what should become of it. */
export interface DemoDevice extends DeviceSpec {
  readonly expected: { readonly state: JobState; readonly proof: Proof | null; readonly code: string | null };
}

/** Of every device of the demo; its config reads it from the environment, as real ones should. */
export const DEMO_PASSWORD = 'demo';

const UPDATED = { state: 'succeeded', proof: 'returned', code: null } as const;

/** Two kinds of boards, every kind of login, bad links, and one that takes the image and is never seen again. */
export const DEMO_FLEET: readonly DemoDevice[] = [
  { name: 'sensor-attic', core: 'esp8266', board: 'nodemcuv2', expected: UPDATED },
  { name: 'sensor-cellar', core: 'esp8266', board: 'd1_mini', password: DEMO_PASSWORD, expected: UPDATED },
  { name: 'sensor-garage', core: 'esp8266', board: 'nodemcuv2', faults: { replies: 'split' }, expected: UPDATED },
  { name: 'sensor-garden', core: 'esp8266', board: 'd1_mini', link: { delayMs: 20 }, expected: UPDATED },
  {
    name: 'sensor-roof',
    core: 'esp8266',
    board: 'nodemcuv2',
    // Its first upload breaks in the middle; the retry goes through.
    faults: { transfer: { atByte: 60_000, how: 'reset' }, uploads: 1 },
    expected: UPDATED,
  },
  { name: 'sensor-shed', core: 'esp8266', board: 'd1_mini', faults: { loseIncoming: [1] }, expected: UPDATED },
  { name: 'plug-desk', core: 'esp32-sha256', board: 'esp32', password: DEMO_PASSWORD, expected: UPDATED },
  { name: 'plug-fridge', core: 'esp32-sha256', board: 'lolin32', password: DEMO_PASSWORD, expected: UPDATED },
  { name: 'plug-heater', core: 'esp32-md5', board: 'esp32', password: DEMO_PASSWORD, expected: UPDATED },
  { name: 'plug-lamp', core: 'esp32-md5', board: 'esp32', expected: UPDATED },
  { name: 'plug-pump', core: 'esp32-sha256', board: 'esp32', faults: { replies: 'joined' }, expected: UPDATED },
  {
    name: 'plug-tv',
    core: 'esp32-sha256',
    board: 'lolin32',
    faults: { comeback: { kind: 'never' } },
    expected: { state: 'failed', proof: 'accepted', code: 'JOB_NOT_RETURNED' },
  },
];

/** The demo's config, as a person would write it. */
export function demoConfig(
  service: string,
  module: { readonly devices: string; readonly rule: string },
  mote: { readonly servers: string; readonly rule: string },
  modem: { readonly server: string; readonly rule: string },
): string {
  return `version: 1
drop: { path: ./drop, settle: 300ms }
data: ./data
control: false
discovery:
  mdns: { services: [${service}], interface: 127.0.0.1 }
  usb: true
${module.devices}${mote.servers}${modem.server}rules:
  - name: sensors
    firmware: { file: "sensor-*.bin", chip: esp8266 }
    devices: { name: "sensor-*" }
    update: { protocol: espota, password: { env: DEMO_OTA_PASSWORD }, retries: 3 }
    verify: { proof: returned, within: 12s }
  - name: plugs
    firmware: { file: "plug-*.bin", chip: esp32 }
    devices: { name: "plug-*" }
    update: { protocol: espota, password: { env: DEMO_OTA_PASSWORD }, retries: 3 }
    verify: { proof: returned, within: 12s }
  - name: gateways
    firmware: { file: "gateway-*.bin", chip: esp8266 }
    devices: { name: "usb:*" }
    update: { protocol: serial }
    when: attach
${module.rule}${mote.rule}${modem.rule}`;
}
