import type { FirmwareImage } from '../../model/image.ts';
import type { PullProtocol } from '../pull.ts';
import { versionTag } from './answers.ts';
import { readAtFilesApart } from './files.ts';
import { ESPAT_CLOUD_FIELDS, readOptions } from './options.ts';
import { espatPart } from './part.ts';
import { ANYONE, fileList } from './shelf.ts';

/** The "cloud update" of Espressif's AT firmware, from this machine instead of the maker's. */
export const espatCloud: PullProtocol = {
  name: 'espat-cloud',
  summary: "the update server that Espressif's AT firmware asks (AT+CIUPDATE, AT+USEROTA), in the daemon",
  tellsApart: null,
  options: ESPAT_CLOUD_FIELDS,
  placeOf: (options) => readOptions(options).token ?? ANYONE,
  problemWith: (_options, { espat }) =>
    espat === null ? 'espat-cloud is served by the daemon itself: add "servers: { espat: {} }"' : null,
  async offer(image: FirmwareImage, options) {
    const { flashMap } = readOptions(options);
    const found = await readAtFilesApart(image, flashMap);
    const files = fileList(found);
    const terms = {
      version: versionTag(image.sha256),
      files,
      build: found.build,
      'flash-map': found.flashMap ?? 'none',
    };
    return { part: files, terms, number: null };
  },
  isServedHere: () => true,
  carrier: () => {
    throw new Error('espat-cloud brings nothing anywhere: modules come to fetch');
  },
  server: ({ espat }, host, surroundings) => (espat === null ? null : espatPart(espat, host, surroundings)),
};
