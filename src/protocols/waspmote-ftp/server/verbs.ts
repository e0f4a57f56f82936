import { isIPv4 } from 'node:net';
import type { Entry, FileEntry } from '../folder.ts';
import { type DataAddress, parseExtendedPort, parsePort, passiveReply } from './addresses.ts';
import type { Conversation } from './conversation.ts';
import { listLine, timeVal } from './listing.ts';

/** What is answered; null: the command has answered for itself. */
type Reply = string | null;

/** One command of FTP. */
interface Verb {
  /** Also before the login. */
  readonly isForAnyone: boolean;
  readonly perform: (session: Conversation, argument: string) => Reply | Promise<Reply>;
}

const anyone = (perform: Verb['perform']): Verb => ({ isForAnyone: true, perform });
const user = (perform: Verb['perform']): Verb => ({ isForAnyone: false, perform });

const READ_ONLY = user(() => '550 Nothing can be changed here.');
const NO_FILE = '550 There is no such file.';
const NO_PORT = '425 No port is free.';
const EXTENDED_ONLY = '501 EPSV ALL has been given.';

/** RFC 959, RFC 2428 (EPSV, EPRT) and RFC 3659 (SIZE, MDTM, REST). Codes are those that modems look for, and no others. */
const BY_NAME: Readonly<Record<string, Verb>> = {
  USER: anyone((session, name) => {
    session.name(name);
    return '331 And the password?';
  }),
  PASS: anyone((session, password) => (session.logIn(password) ? '230 Logged in.' : '530 Wrong user or password.')),
  QUIT: anyone((session) => {
    session.quit('221 Goodbye.');
    return null;
  }),
  NOOP: anyone(() => '200 Done.'),
  SYST: anyone(() => '215 UNIX Type: L8'),
  FEAT: anyone(() => '211-Features:\r\n EPRT\r\n EPSV\r\n MDTM\r\n PASV\r\n REST STREAM\r\n SIZE\r\n211 End'),
  OPTS: anyone((_session, option) => (/^utf-?8\b/i.test(option) ? '200 Done.' : '501 There is no such option.')),
  HELP: anyone(() => '214 A read-only server with one program for each user.'),

  // Bytes go as they are in either type: the sizes that are told have to be right, and a program has no lines.
  TYPE: user((_session, type) =>
    /^(?:A(?: N)?|I|L 8)$/i.test(type.trim()) ? '200 Done.' : '504 There is no such type.',
  ),
  MODE: user((_session, mode) => (/^s$/i.test(mode.trim()) ? '200 Done.' : '504 Stream mode only.')),
  STRU: user((_session, structure) => (/^f$/i.test(structure.trim()) ? '200 Done.' : '504 Files only.')),
  ALLO: user(() => '202 Nothing is stored here.'),

  PWD: user(sayFolder),
  XPWD: user(sayFolder),
  CWD: user(changeFolder),
  XCWD: user(changeFolder),
  CDUP: user(goUp),
  XCUP: user(goUp),

  PASV: user(passive),
  EPSV: user(extendedPassive),
  PORT: user((session, argument) => active(session, parsePort(argument.trim()))),
  EPRT: user((session, argument) => active(session, parseExtendedPort(argument.trim()))),

  SIZE: user((session, path) => {
    const file = fileAt(session, path);
    return file === null ? NO_FILE : `213 ${file.sizeBytes}`;
  }),
  MDTM: user((session, path) => {
    const file = fileAt(session, path);
    return file === null ? NO_FILE : `213 ${timeVal(file.changedMs)}`;
  }),
  REST: user((session, offset) => {
    if (!/^\d{1,10}$/.test(offset.trim())) return '501 Give the number of a byte.';
    session.restartAt = Number(offset);
    return `350 The next RETR begins at ${session.restartAt}.`;
  }),
  RETR: user(async (session, path) => {
    const file = fileAt(session, path);
    return file === null ? NO_FILE : await session.retrieve(file);
  }),
  LIST: user((session, argument) => list(session, argument, (entry) => listLine(entry, session.userName))),
  NLST: user((session, argument) => list(session, argument, ({ name }) => `${name}\r\n`)),

  STOR: READ_ONLY,
  STOU: READ_ONLY,
  APPE: READ_ONLY,
  DELE: READ_ONLY,
  MKD: READ_ONLY,
  XMKD: READ_ONLY,
  RMD: READ_ONLY,
  XRMD: READ_ONLY,
  RNFR: READ_ONLY,
  RNTO: READ_ONLY,
};

/** The verbs of the server, in upper case. */
export const VERBS: ReadonlyMap<string, Verb> = new Map(Object.entries(BY_NAME));

/** Null: no file is there, which the session is told. */
function fileAt(session: Conversation, path: string): FileEntry | null {
  const entry = session.entry(path);
  if (entry !== null && entry.kind !== 'folder') return entry;
  session.missing(path);
  return null;
}

function sayFolder(session: Conversation): Reply {
  return `257 "/${session.folder.join('/')}"`;
}

function changeFolder(session: Conversation, path: string): Reply {
  const entry = session.entry(path);
  if (entry?.kind !== 'folder') {
    session.missing(path);
    return '550 There is no such folder.';
  }
  // The only folder below the root has none below it.
  session.folder = entry.name === '' ? [] : [entry.name];
  return '250 Done.';
}

function goUp(session: Conversation): Reply {
  session.folder = session.folder.slice(0, -1);
  return '250 Done.';
}

async function passive(session: Conversation): Promise<Reply> {
  const { settings, local } = session;
  const address = settings.publicAddress ?? local;
  if (session.isExtendedOnly) return EXTENDED_ONLY;
  if (!isIPv4(address)) return '425 PASV needs IPv4; use EPSV.';
  const port = await session.passive();
  return port === null ? NO_PORT : passiveReply(address, port);
}

async function extendedPassive(session: Conversation, argument: string): Promise<Reply> {
  const family = argument.trim().toUpperCase();
  if (family === 'ALL') {
    session.isExtendedOnly = true;
    return '200 Done.';
  }
  const own = isIPv4(session.local) ? '1' : '2';
  if (family !== '' && family !== own) return `522 Use (${own})`;
  const port = await session.passive();
  return port === null ? NO_PORT : `229 Entering Extended Passive Mode (|||${port}|)`;
}

/** Only to the device's own address, and no port of a system service: a server is no means of reaching others (RFC 2577, section 3). */
function active(session: Conversation, to: DataAddress | null): Reply {
  if (session.isExtendedOnly) return EXTENDED_ONLY;
  if (to === null) return '501 Give an address and a port.';
  if (to.host !== session.peer || to.port < 1024) return '504 Only to your own address, from port 1024 on.';
  session.active(to.port);
  return '200 Done.';
}

async function list(session: Conversation, argument: string, lineOf: (entry: Entry) => string): Promise<Reply> {
  // Flags, which clients pass on from ls.
  const path = argument.trim().replace(/^(?:-\S+\s*)+/, '');
  const entry = session.entry(path);
  if (entry === null) return '550 There is no such file or folder.';
  return await session.list((entry.kind === 'folder' ? entry.entries : [entry]).map(lineOf).join(''));
}
