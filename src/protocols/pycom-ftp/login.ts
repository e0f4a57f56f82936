import { FlashError } from '../../errors.ts';
import { DEFAULT_LOGIN } from './constants.ts';
import { isCredential, type PycomOptions } from './options.ts';

/** What both servers ask for. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** @throws FlashError PYCOM_LOGIN_REFUSED where no device can have such a password; CONFIG_SECRET_MISSING */
export function loginOf({ user, password }: PycomOptions): Login {
  if (password === null) return { user, password: DEFAULT_LOGIN.password };
  const revealed = password.reveal();
  if (isCredential(revealed)) return { user, password: revealed };
  const message = `the password from ${password.source} has white space or more than 32 characters; no device has such a one`;
  throw new FlashError('PYCOM_LOGIN_REFUSED', message, { step: 'prepare' });
}

/** The device turned the login down. Says whose words they were, never the password. */
export function loginRefused(server: 'FTP' | 'telnet', { user, password }: PycomOptions, said: string): FlashError {
  const whose = password === null ? 'the password that devices come with' : `the password from ${password.source}`;
  const message = `the ${server} server refused the user "${user}" with ${whose}: it said "${said}"`;
  return new FlashError('PYCOM_LOGIN_REFUSED', message, { step: 'prepare' });
}
