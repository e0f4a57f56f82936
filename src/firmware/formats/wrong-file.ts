import { startsWith, u32At } from '../bytes.ts';
import { CHIP_FACTS } from '../chips.ts';

interface Recognised {
  readonly what: string;
  readonly magic: readonly number[];
}

/** Files that lie beside a firmware image, or arrive in its place, and how they begin. */
const BY_MAGIC: readonly Recognised[] = [
  { what: 'an ELF file, the linker’s output with debug information', magic: [0x7f, 0x45, 0x4c, 0x46] },
  { what: 'a ZIP archive', magic: [0x50, 0x4b, 0x03, 0x04] },
  { what: 'an empty ZIP archive', magic: [0x50, 0x4b, 0x05, 0x06] },
  { what: 'an xz archive', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { what: 'a bzip2 archive', magic: [0x42, 0x5a, 0x68] },
  { what: 'a 7-Zip archive', magic: [0x37, 0x7a, 0xbc, 0xaf] },
  { what: 'a Zstandard archive', magic: [0x28, 0xb5, 0x2f, 0xfd] },
  { what: 'a PDF document', magic: [0x25, 0x50, 0x44, 0x46] },
  { what: 'a PNG picture', magic: [0x89, 0x50, 0x4e, 0x47] },
  { what: 'a Windows program', magic: [0x4d, 0x5a, 0x90, 0x00] },
];

/** `UF2\n`; the family id of a block stands at 28 (github.com/microsoft/uf2, "File format"). */
const UF2_MAGIC = [0x55, 0x46, 0x32, 0x0a];
const UF2_FAMILY_OFFSET = 28;

const SAMPLE_BYTES = 512;
/** So short a run of letters may be chance. */
const SHORTEST_TEXT = 8;

/** What this is instead of a firmware image, or null where nothing speaks against one. */
export function recogniseWrongFile(bytes: Uint8Array): string | null {
  const known = BY_MAGIC.find(({ magic }) => startsWith(bytes, 0, magic));
  if (known !== undefined) return known.what;
  if (startsWith(bytes, 0, UF2_MAGIC)) return `a UF2 file${uf2Target(bytes)}, for drag-and-drop bootloaders`;
  const text = textSample(bytes);
  if (text === null) return null;
  if (/^:[0-9A-Fa-f]{10}/.test(text)) return 'an Intel hex file';
  if (/^S[0-9][0-9A-Fa-f]{8}/.test(text)) return 'a Motorola S-record file';
  if (/^\s*(<!doctype html|<html|<head|<body)/i.test(text)) return 'an HTML page, as a failed download leaves behind';
  if (/^\s*<(\?xml|[A-Za-z])/.test(text)) return 'an XML document';
  if (/^\s*[{[]/.test(text)) return 'a JSON document';
  return 'a text file';
}

function uf2Target(bytes: Uint8Array): string {
  if (bytes.length < UF2_FAMILY_OFFSET + 4) return '';
  const family = u32At(bytes, UF2_FAMILY_OFFSET);
  const facts = Object.values(CHIP_FACTS).find(({ uf2Family }) => uf2Family === family);
  return facts === undefined ? '' : ` for the ${facts.label}`;
}

/** The beginning, if it is printable text throughout; firmware never is. */
function textSample(bytes: Uint8Array): string | null {
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  if (sample.length < SHORTEST_TEXT) return null;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(sample, { stream: true });
    // Control characters other than white space tell data from text.
    return /[^\P{Cc}\s]/u.test(text) ? null : text;
  } catch {
    return null;
  }
}
