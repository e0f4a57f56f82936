import type { ServerSettings } from '../../model/server.ts';
import { LAST_GPRS_VERSION } from './constants.ts';
import type { WaspmoteSettings } from './options.ts';

/** What is wrong with a rule beside the servers of the config; null: nothing. */
export function problemWith(settings: WaspmoteSettings, { ftp }: ServerSettings): string | null {
  const { server, user, password, gprs, firstVersion } = settings;
  if (gprs && firstVersion > LAST_GPRS_VERSION)
    return `GPRS modules understand versions up to ${LAST_GPRS_VERSION}; lower "first-version" or set "gprs: false"`;
  if (server !== null) return null;
  if (password !== null)
    return '"password" is for "server"; users of our own server have theirs under servers.ftp.users';
  if (ftp === null) return 'there is no FTP server: add servers.ftp, or name another one with "server"';
  if (ftp.users.some(({ name }) => name === user)) return null;
  return `servers.ftp.users has no user "${user}" (it has ${ftp.users.map(({ name }) => name).join(', ')})`;
}
