import type { OtherServer } from './options.ts';

/** A user of the server in the daemon. */
export function ownPlace(user: string): string {
  return `user ${user}`;
}

/** A user of a server of somebody else's, with the folder on it. */
export function otherPlace({ host, port, folder }: OtherServer, user: string): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `ftp://${name}:${port}/${folder} as ${user}`;
}

/** Whether it is on somebody else's server. */
export function isOtherPlace(place: string): boolean {
  return place.startsWith('ftp://');
}
