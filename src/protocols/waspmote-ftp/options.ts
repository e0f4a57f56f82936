import type { Fields, OptionValues, Secret } from '../../model/fields.ts';
import { LAST_VERSION, MESHLIUM } from './constants.ts';
import { whyNotName } from './program-name.ts';

/** What a rule may set under `update:` for `protocol: waspmote-ftp`. */
export const WASPMOTE_OPTIONS = {
  user: {
    kind: 'text',
    default: MESHLIUM.user,
    doc: 'The FTP user that the devices log in as. Each user sees one program, that of one rule.',
    check: (user) => (/^[\x21-\x7e]{1,64}$/.test(user) ? null : 'a user name of visible ASCII characters'),
  },
  name: {
    kind: 'text',
    default: null,
    doc: 'The name of the program, 7 characters, as it was exported. Without it: the name of the file, which then has to be so.',
    check: (name) => whyNotName(name),
  },
  gprs: {
    kind: 'boolean',
    default: true,
    doc: 'Serve GPRS modules too: both files also stand in `.gprs/`, and versions end at 127. Without them: at 255.',
  },
  'first-version': {
    kind: 'integer',
    min: 0,
    max: LAST_VERSION,
    default: 1,
    doc: 'The version of the first program of a name, for devices that have had others of that name before. Counted up from there.',
  },
  quiet: {
    kind: 'duration',
    minMs: 1_000,
    maxMs: 86_400_000,
    defaultMs: 360_000,
    doc: 'A device that reads UPGRADE.TXT and fetches nothing for so long has the program. Modules may take 5m between the two.',
  },
  server: {
    kind: 'text',
    default: null,
    doc: 'An FTP server to publish to, such as ftp://meshlium.local or ftp://10.0.0.5:21/motes. Without it: `servers.ftp`.',
    check: (server) =>
      serverOf(server) === null ? 'an address such as ftp://host:port/folder, without user and password' : null,
  },
  password: {
    kind: 'secret',
    doc: 'The password of `user` on `server`. Without it: that of a new Meshlium.',
  },
} as const satisfies Fields;

/** An FTP server of somebody else's. */
export interface OtherServer {
  readonly host: string;
  readonly port: number;
  /** Below the folder that the user comes to; empty: that folder. */
  readonly folder: string;
}

/** The same, typed. */
export interface WaspmoteSettings {
  readonly user: string;
  readonly name: string | null;
  readonly gprs: boolean;
  readonly firstVersion: number;
  readonly quietMs: number;
  /** Null: the server in the daemon. */
  readonly server: OtherServer | null;
  readonly password: Secret | null;
}

/** The casts: the config has checked the values against the fields. */
export function settingsOf(options: OptionValues): WaspmoteSettings {
  return {
    user: options['user'] as string,
    name: (options['name'] as string | undefined) ?? null,
    gprs: options['gprs'] as boolean,
    firstVersion: options['first-version'] as number,
    quietMs: options['quiet'] as number,
    server: serverOf((options['server'] as string | undefined) ?? ''),
    password: (options['password'] as Secret | undefined) ?? null,
  };
}

function serverOf(text: string): OtherServer | null {
  const url = URL.parse(text);
  const isPlain =
    url?.protocol === 'ftp:' && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!isPlain || url.hostname === '') return null;
  const folder = url.pathname.replaceAll(/^\/+|\/+$/g, '');
  if (!/^[\w.-]*(?:\/[\w.-]+)*$/.test(folder) || folder.split('/').includes('..')) return null;
  const host = url.hostname.replaceAll(/^\[|\]$/g, '');
  return { host, port: url.port === '' ? MESHLIUM.port : Number(url.port), folder };
}
