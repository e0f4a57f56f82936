import { FlashError } from '../../errors.ts';
import type { FirmwareImage, ImageKind } from '../../model/image.ts';
import type { Terms } from '../../model/publication.ts';
import type { Offer } from '../pull.ts';
import { FLASH_BYTES, LAST_GPRS_VERSION, LAST_VERSION, SIZE_DIGITS } from './constants.ts';
import type { WaspmoteSettings } from './options.ts';
import { nameOfFile } from './program-name.ts';

/** What a program is published as. */
export interface WaspmoteTerms {
  readonly name: string;
  readonly gprs: boolean;
  readonly quietMs: number;
}

/** What is certainly no program of an ATmega. By chance one may begin like a filesystem or a table, which have little to be known by. */
const FOR_OTHERS: readonly ImageKind[] = ['app', 'bootloader', 'merged', 'package'];

/** Throws WASPMOTE_BAD_NAME, WASPMOTE_BAD_PROGRAM. */
export function offerOf(
  { name: fileName, bytes, sizeBytes, dossier }: FirmwareImage,
  settings: WaspmoteSettings,
): Offer {
  const name = settings.name ?? nameOfFile(fileName);
  if (name === null) throw badName(fileName);
  if (FOR_OTHERS.includes(dossier.kind)) {
    throw new FlashError(
      'WASPMOTE_BAD_PROGRAM',
      `"${fileName}" is a firmware image for an Espressif chip (${dossier.kind}), and a Waspmote is none`,
      { step: 'prepare' },
    );
  }
  if (String(sizeBytes).length > SIZE_DIGITS) {
    throw new FlashError(
      'WASPMOTE_BAD_PROGRAM',
      `"${fileName}" has ${sizeBytes} bytes; modules read ${SIZE_DIGITS} digits`,
      {
        step: 'prepare',
      },
    );
  }
  const { gprs, firstVersion, quietMs } = settings;
  const terms: WaspmoteTerms & Terms = { name, gprs, quietMs };
  return {
    part: '',
    terms,
    number: { series: `waspmote ${name}`, first: firstVersion, last: gprs ? LAST_GPRS_VERSION : LAST_VERSION },
    remarks: remarksOn(name, bytes),
  };
}

function badName(fileName: string): FlashError {
  return new FlashError(
    'WASPMOTE_BAD_NAME',
    `"${fileName}" is not 7 visible characters long, as the name of a Waspmote program is; drop the file as the IDE exported it, or give the rule "name"`,
    { step: 'prepare' },
  );
}

/**
 * After its restart a device compares the name it was told with the one that the program was built with (WaspUtils.cpp,
 * checkNewProgram). In which form a compiler puts that into the program is its own affair: so a name that is not found is a doubt, and no proof.
 */
function remarksOn(name: string, bytes: Uint8Array): readonly string[] {
  const holdsName = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(name, 0, 'latin1');
  return [
    ...(holdsName
      ? []
      : [
          `"${name}" does not stand in the program. If it was built under another name, a mote counts the update as failed after its restart and fetches it again at each visit: drop it under the name that it was exported with`,
        ]),
    ...(bytes.length > FLASH_BYTES ? [`it has ${bytes.length} bytes, and a Waspmote has room for ${FLASH_BYTES}`] : []),
  ];
}

/** The casts: {@link offerOf} has written them. */
export function termsOf(terms: Terms): WaspmoteTerms {
  return { name: terms['name'] as string, gprs: terms['gprs'] as boolean, quietMs: terms['quietMs'] as number };
}
