import type { WaspmoteModule } from './modules.ts';

/** What a module made of UPGRADE.TXT. `crash`: it reads through a null pointer and restarts. */
export type Reading =
  | {
      readonly kind: 'upgrade';
      readonly file: string;
      readonly path: string;
      readonly sizeBytes: number | null;
      readonly version: number;
    }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'error'; readonly code: string }
  | { readonly kind: 'crash' };

/** The modules read no more of it. */
const BUFFER_BYTES = 255;

/** Each module in the order of its own checks (waspmoteapi v048: requestOTA of the four libraries). */
export function readUpgradeFile(module: WaspmoteModule, bytes: Uint8Array): Reading {
  const text = Buffer.from(bytes.subarray(0, BUFFER_BYTES)).toString('latin1');
  return module === 'wifi' || module === '4g' ? readByLabels(module, text) : readByColon(module, text);
}

/** From the label to the end of its line. Null: there is no such label; undefined: the line has no end, which the module does not expect. */
function lineOf(text: string, label: string): string | null | undefined {
  const start = text.indexOf(label);
  if (start === -1) return null;
  const end = text.indexOf('\n', start);
  return end === -1 ? undefined : text.slice(start + label.length, end);
}

const ERRORS = {
  wifi: {
    file: 'ERROR_CODE_0021',
    name: 'ERROR_CODE_0022',
    path: 'ERROR_CODE_0024',
    size: 'ERROR_CODE_0025',
    version: 'ERROR_CODE_0026',
  },
  '4g': { file: '3', name: '4', path: '6', size: '8', version: '9' },
} as const;

function readByLabels(module: 'wifi' | '4g', text: string): Reading {
  const codes = ERRORS[module];
  const labels = {
    file: lineOf(text, 'FILE:'),
    path: lineOf(text, 'PATH:'),
    size: lineOf(text, 'SIZE:'),
    version: lineOf(text, 'VERSION:'),
  };
  if (labels.file === null) return { kind: 'error', code: codes.file };
  if (labels.file === undefined) return { kind: 'crash' };
  if (labels.file.length !== 7) return { kind: 'error', code: codes.name };
  if (labels.file === 'NO_FILE') return { kind: 'nothing' };
  for (const label of ['path', 'size', 'version'] as const) {
    if (labels[label] === null) return { kind: 'error', code: codes[label] };
    if (labels[label] === undefined) return { kind: 'crash' };
  }
  const sizeBytes = Number.parseInt(labels.size ?? '', 10);
  const version = Number.parseInt(labels.version ?? '', 10) & 0xff;
  return { kind: 'upgrade', file: labels.file, path: labels.path ?? '', sizeBytes, version };
}

/** The older libraries take seven characters behind the first colon, whatever stands before it. */
function readByColon(module: '3g' | 'gprs', text: string): Reading {
  const colon = text.indexOf(':');
  const file = text.slice(colon + 1, colon + 8);
  const [path, version] = [lineOf(text, 'PATH:'), lineOf(text, 'VERSION:')];
  if (colon === -1 || file.length < 7) return { kind: 'error', code: '-2' };
  if (path === undefined || version === undefined) return { kind: 'crash' };
  if (path === null || path.length >= (module === '3g' ? 60 : 50)) return { kind: 'error', code: '-3' };
  // A buffer of four bytes with its end.
  if (version === null || version.length > 3) return { kind: 'error', code: '-4' };
  if (file === 'NO_FILE') return { kind: 'nothing' };
  return { kind: 'upgrade', file, path, sizeBytes: null, version: Number.parseInt(version, 10) };
}
