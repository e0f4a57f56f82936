import type { Fields, OptionValues } from '../../model/fields.ts';
import { FLASH_MAPS, type FlashMap } from '../../model/image.ts';

/** What a rule may set under `update:` for `protocol: espat-cloud`. */
export const ESPAT_CLOUD_FIELDS = {
  'flash-map': {
    kind: 'choice',
    values: ['unknown', ...FLASH_MAPS],
    default: 'unknown',
    doc: 'The flash map of the module (ESP8266). An image for another one does not start, and no update changes it.',
  },
  token: {
    kind: 'text',
    default: null,
    check: (text) => (/^[0-9A-Za-z_-]{1,64}$/.test(text) ? null : 'letters, digits, - and _, 64 at most'),
    doc: 'For modules that send this token only: each build has one of its own. Without it: for all that have no rule of their own.',
  },
} as const satisfies Fields;

/** The same, typed. */
export interface EspatCloudOptions {
  /** Null: not known. */
  readonly flashMap: FlashMap | null;
  readonly token: string | null;
}

/** Reads values that were checked against {@link ESPAT_CLOUD_FIELDS}. */
export function readOptions(values: OptionValues): EspatCloudOptions {
  const { token } = values;
  return {
    flashMap: FLASH_MAPS.find((map) => map === values['flash-map']) ?? null,
    token: typeof token === 'string' ? token : null,
  };
}
