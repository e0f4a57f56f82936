import { NO_DEVICES } from '../src/config/publishing-rule.ts';
import { NOTHING_FOUND } from '../src/firmware/findings.ts';
import type { Device } from '../src/model/device.ts';
import type { StoredImage } from '../src/model/image.ts';
import type { Rule } from '../src/model/rule.ts';
import type { PlanContext } from '../src/rules/context.ts';
import { compileRules, plan } from '../src/rules/plan.ts';
import { type BenchRow, percentile } from './row.ts';

const DEVICES = 10_000;
const RULES = 100;
const ROUNDS = 25;

const BOARDS = ['d1_mini', 'nodemcuv2', 'esp32', 'lolin_s3', 'esp32c3', 'generic'];

const IMAGE: StoredImage = {
  sha256: 'c0ffee'.padEnd(64, '0'),
  name: 'sensor-1.2.3.bin',
  sizeBytes: 400_000,
  dossier: {
    ...NOTHING_FOUND,
    kind: 'app',
    format: 'esp8266-arduino',
    container: 'none',
    chip: 'esp8266',
    sizeBytes: 400_000,
    contentBytes: 400_000,
    completeness: 'complete',
  },
};

const CONTEXT: PlanContext = {
  accepts: () => ({ accepted: true }),
  defaultPort: () => null,
  currentImage: () => null,
  possibleVersions: () => [],
  storedImages: () => [],
  knownChip: () => null,
};

/**
 * The planning of a large fleet: every rule accepts the image, so each of them is asked about each device. A fifth of the devices
 * has no rule, and a fifth of the rules each uses a plain name, a name with classes and braces, an address range, tags, a board.
 */
export function benchPlan(): BenchRow[] {
  const rules = Array.from({ length: RULES }, (_, index) => ruleAt(index));
  const devices = Array.from({ length: DEVICES }, (_, index) => deviceAt(index));
  const compiled = compileRules(rules);
  const times = Array.from({ length: ROUNDS }, () => {
    const started = performance.now();
    plan(compiled, IMAGE, devices, CONTEXT);
    return performance.now() - started;
  });
  const what = `plan, ${DEVICES.toLocaleString('en-US')} devices × ${RULES} rules`;
  return [
    { what: `${what}, p50`, value: percentile(times, 0.5), unit: 'ms', aim: '< 100 ms' },
    { what: `${what}, slowest of ${ROUNDS}`, value: Math.max(...times), unit: 'ms' },
  ];
}

function deviceAt(index: number): Device {
  const site = index % 125; // sites 100 to 124 have no rule
  const address = `10.${site}.${(index >> 8) & 255}.${index & 255}`;
  return {
    id: `mac:${index}`,
    keys: [`mdns:arduino/site-${site}-sensor-${index}`],
    name: `site-${site}-Sensor-${index}`,
    address,
    port: 8266,
    serial: null,
    mac: null,
    services: ['arduino'],
    board: BOARDS[index % BOARDS.length] ?? null,
    txt: {},
    chip: null,
    protocol: null,
    tags: [`floor-${index % 7}`, `site-${site}`],
    presence: 'present',
    firstSeenMs: 0,
    lastSeenMs: 0,
  };
}

function ruleAt(index: number): Rule {
  const narrow: Partial<Rule['devices']>[] = [
    { name: `site-${index}-*` },
    { name: `site-${index}-{sensor,plug}-[0-9]*` },
    { address: [`10.${index}.0.0/16`], port: 8266 },
    { tags: [`site-${index}`], service: 'arduino' },
    { board: 'd1_*', name: `*-${index}-*`, chip: 'esp8266' },
  ];
  return {
    name: `rule ${index}`,
    firmware: { file: '*.bin', chip: 'esp8266', project: null, version: null, kind: null },
    devices: { ...NO_DEVICES, ...narrow[index % narrow.length] },
    update: { protocol: 'espota', retries: 5, options: {} },
    when: { kind: 'now' },
    verify: { proof: 'returned', withinMs: 90_000, check: { by: 'mdns' }, version: null, soakMs: 0 },
    rollout: null,
    expiresMs: null,
    line: { again: 'skip', bootCheck: null, unitData: null },
    backup: null,
    allow: [],
    versions: { downgrade: 'refuse', ladder: [], withinMs: 600_000 },
    undo: 'never',
  };
}
