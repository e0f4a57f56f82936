import type { PullProtocol } from '../pull.ts';
import { FtpCarrier } from './carrier.ts';
import { offerOf } from './offer.ts';
import { settingsOf, WASPMOTE_OPTIONS } from './options.ts';
import { isOtherPlace, otherPlace, ownPlace } from './places.ts';
import { problemWith } from './problem.ts';
import { FtpServer } from './server/ftp-server.ts';

/** Libelium Waspmote with a 4G, 3G, GPRS or WiFi module: it fetches its program by FTP. */
export const waspmoteFtp: PullProtocol = {
  name: 'waspmote-ftp',
  summary: 'Libelium Waspmote, which fetches its program from an FTP server.',
  options: WASPMOTE_OPTIONS,
  tellsApart: 'give each a user of its own',
  placeOf(options) {
    const { server, user } = settingsOf(options);
    return server === null ? ownPlace(user) : otherPlace(server, user);
  },
  problemWith: (options, servers) => problemWith(settingsOf(options), servers),
  offer: async (image, options) => offerOf(image, settingsOf(options)),
  isServedHere: (place) => !isOtherPlace(place),
  carrier: (options, { clock, log }) => new FtpCarrier(settingsOf(options), clock, log),
  server({ ftp }, host, surroundings) {
    return ftp === null ? null : new FtpServer({ ...surroundings, settings: ftp, host, placeOf: ownPlace });
  },
};
