import type { Config } from '../../../src/config/config.ts';
import { type ConfigEnvironment, parseConfig } from '../../../src/config/load.ts';
import type { ProtocolOptions } from '../../../src/config/option-schema.ts';

/** A protocol with one option of each kind, so that tests do not hang on what real protocols need today. */
export const SAMPLE_PROTOCOL: ProtocolOptions = {
  name: 'espota',
  summary: 'a protocol with one option of each kind',
  options: {
    blocks: { kind: 'integer', min: 1, max: 8, default: 2, unit: 'blocks', doc: 'How many blocks.' },
    patience: { kind: 'duration', minMs: 500, maxMs: 60_000, defaultMs: 12_000, doc: 'How long to wait.' },
    careful: { kind: 'boolean', default: true, doc: 'Whether to look twice.' },
    chunk: { kind: 'choice', values: ['auto', '1460', '4096'], default: 'auto', doc: 'Bytes at a time.' },
    'local-address': { kind: 'text', default: null, doc: 'Where to listen.' },
    password: { kind: 'secret', doc: 'The password.' },
    listen: { kind: 'port-range', default: null, doc: 'Where devices call back.' },
  },
};

/** A second one, with an option of its own. */
export const OTHER_PROTOCOL: ProtocolOptions = {
  name: 'carrier-pigeon',
  summary: 'for devices beyond the network',
  options: { pigeons: { kind: 'integer', min: 1, max: 3, default: 1, doc: 'How many pigeons.' } },
};

export const ENVIRONMENT: ConfigEnvironment = {
  protocols: [SAMPLE_PROTOCOL, OTHER_PROTOCOL],
  cronProblem: (expression) => (expression.split(' ').length === 5 ? null : 'five fields are needed'),
  timezone: () => 'Europe/Vienna',
  variables: { OTA_PASSWORD: 'correct horse' },
  secrets: 'required',
};

export const FILE = '/etc/dropflash/config.yaml';

/** A complete config of which a test replaces what it is about. */
export function configText(parts: { readonly top?: string; readonly rule?: string } = {}): string {
  return `version: 1
drop: { path: ./drop }
${parts.top ?? ''}
rules:
  - name: sensors
    firmware: { file: "sensor-*.bin" }
    devices: { name: "sensor-*" }
${(parts.rule ?? '').replaceAll(/^/gm, '    ')}
`;
}

/** The config, or a failure that lists what is wrong with it. */
export function configOf(text: string, environment: ConfigEnvironment = ENVIRONMENT): Config {
  const { config, problems } = parseConfig(text, FILE, environment);
  if (config === null) throw new Error(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  return config;
}

/** `line:column path CODE` of each problem. */
export function problemsOf(text: string, environment: ConfigEnvironment = ENVIRONMENT): string[] {
  return parseConfig(text, FILE, environment).problems.map(
    ({ line, column, path, code }) => `${line}:${column} ${path} ${code}`,
  );
}

/** The sentence of each problem. */
export function messagesOf(text: string, environment: ConfigEnvironment = ENVIRONMENT): string[] {
  return parseConfig(text, FILE, environment).problems.map(({ message }) => message);
}
