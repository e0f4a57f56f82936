import type { Chip } from '../model/chip.ts';
import type { Completeness, Dossier, ImageKind, PackageSet, PackageSource, Segment } from '../model/image.ts';
import { CHIP_FACTS } from './chips.ts';
import { count, hex } from './findings.ts';
import { partitionTypeName } from './formats/partition-table.ts';

const KINDS: Readonly<Record<ImageKind, string>> = {
  app: 'application',
  bootloader: 'bootloader',
  merged: 'factory image (bootloader, partition table, application)',
  'partition-table': 'partition table',
  otadata: 'OTA boot data',
  filesystem: 'filesystem',
  data: 'data that says nothing of itself',
  package: 'package of images',
};

const COMPLETENESS: Readonly<Record<Completeness, string>> = {
  complete: 'yes',
  'may-continue': 'as far as it goes; more could belong to it',
  truncated: 'no, its end is missing',
  unknown: 'cannot be told from its bytes',
};

const LABEL_WIDTH = 12;

/** The dossier for a person: lines of `label value`, tables, then problems and remarks. No colours, no final line feed. */
export function describeDossier(dossier: Dossier): string[] {
  return [
    ...rows([
      ['kind', kindText(dossier)],
      ['chip', dossier.chip === null ? null : chipText(dossier.chip, dossier)],
      ['size', sizeText(dossier)],
      ['complete', COMPLETENESS[dossier.completeness]],
      ['flash', flashText(dossier)],
      ['entry', dossier.entryPoint === null ? null : hex(dossier.entryPoint)],
      ['slot', dossier.userSlot == null ? null : slotText(dossier.userSlot)],
      ...appRows(dossier),
      ['MicroPython', microPythonText(dossier)],
      ...sealRows(dossier),
    ]),
    ...table(
      'parts',
      (dossier.parts ?? []).map(({ kind, fileOffset, sizeBytes }) => [
        KINDS[kind],
        hex(fileOffset),
        humanSize(sizeBytes),
      ]),
    ),
    ...(dossier.package?.sets ?? []).flatMap(packageSetLines),
    ...table('partitions', (dossier.partitions ?? []).map(partitionCells)),
    ...table('segments', dossier.segments.map(segmentCells)),
    ...dossier.problems.map(({ code, message, hint }) => `problem: ${code} ${message}. ${hint}`),
    ...dossier.remarks.map((remark) => `remark: ${remark}`),
  ];
}

/** `4,000 bytes`, `1.2 MB (1,258,291 bytes)`: the exact number is always there. */
function humanSize(bytes: number): string {
  const exact = `${count(bytes)} bytes`;
  if (bytes < 1024 * 10) return exact;
  return `${roundSize(bytes)} (${exact})`;
}

/** `512 KB`, `4 MB`, `1.2 MB`. */
function roundSize(bytes: number): string {
  const [value, unit] = bytes < 1024 * 1024 ? [bytes / 1024, 'KB'] : [bytes / (1024 * 1024), 'MB'];
  return `${Number(value.toFixed(1))} ${unit}`;
}

type Row = readonly [label: string, value: string | null];

function rows(all: readonly Row[]): string[] {
  return all.flatMap(([label, value]) => (value === null ? [] : [`${label.padEnd(LABEL_WIDTH)}${value}`]));
}

const SOURCES: Readonly<Record<PackageSource, string>> = {
  'esp-idf': 'an ESP-IDF build',
  'esp-web-tools': 'ESP Web Tools',
  pycom: 'Pycom',
  arduino: 'Arduino or PlatformIO',
  'esp-at': 'the ESP8266 SDK (AT firmware)',
};

/** What a package would do to one kind of board. */
function packageSetLines({ chip, flashSizeBytes, isEncrypted, parts, erase }: PackageSet): string[] {
  const board = [
    chip === null ? 'any chip' : CHIP_FACTS[chip].label,
    flashSizeBytes === null ? null : `${roundSize(flashSizeBytes)} of flash`,
    isEncrypted ? 'flash encryption' : null,
  ].filter((word) => word !== null);
  return table(`for ${board.join(', ')}`, [
    ...erase.map(({ offset, sizeBytes }) => [hex(offset), 'erase', '', humanSize(sizeBytes)]),
    ...parts.map(({ name, kind, offset, sizeBytes }) => [hex(offset), KINDS[kind], name, humanSize(sizeBytes)]),
  ]);
}

function kindText({ kind, format, filesystem, package: contents }: Dossier): string {
  if (contents !== null) {
    const title = [contents.name, contents.version].filter((word) => word !== null).join(' ');
    return `${KINDS[kind]} from ${SOURCES[contents.source]}${title === '' ? '' : `: ${title}`}`;
  }
  const name = filesystem === null ? KINDS[kind] : `${KINDS[kind]}, ${filesystem}`;
  return format.startsWith('esp') || format === 'cc3200' ? `${name}, format ${format}` : name;
}

function chipText(chip: Chip, { minChipRevision, maxChipRevision }: Dossier): string {
  const from = minChipRevision === null || minChipRevision === 0 ? '' : ` from revision ${revision(minChipRevision)}`;
  const to = maxChipRevision === null ? '' : ` up to revision ${revision(maxChipRevision)}`;
  return `${CHIP_FACTS[chip].label}${from}${to}`;
}

function revision(value: number): string {
  return `${Math.floor(value / 100)}.${value % 100}`;
}

function sizeText({ container, sizeBytes, contentBytes }: Dossier): string {
  const size = humanSize(sizeBytes);
  if (container === 'gzip') return `${size}, gzip; inflates to ${humanSize(contentBytes)}`;
  return container === 'none' ? size : `${size}, ${container}`;
}

function flashText({ flashMode, flashSizeBytes, flashFrequencyMhz, flashOffset }: Dossier): string | null {
  const settings = [
    flashMode,
    flashSizeBytes === null ? null : roundSize(flashSizeBytes),
    flashFrequencyMhz === null ? null : `${flashFrequencyMhz} MHz`,
    flashOffset === null ? null : `goes to ${hex(flashOffset)}`,
  ].filter((setting) => setting !== null);
  return settings.length === 0 ? null : settings.join(', ');
}

function slotText({ user, flashMap }: NonNullable<Dossier['userSlot']>): string {
  const slot = user === null ? 'user1 or user2, it does not say which' : `user${user}`;
  return `${slot}; flash map ${flashMap ?? 'not told'}`;
}

function appRows({ app, bootloader }: Dossier): Row[] {
  const named: Row[] =
    app === null
      ? []
      : [
          ['project', app.project],
          ['version', app.version],
          ['built', `${app.compiledAt}, ESP-IDF ${app.idfVersion}`],
          ['ELF SHA-256', app.elfSha256],
          ['secure ver.', app.secureVersion === 0 ? null : String(app.secureVersion)],
        ];
  return bootloader === null
    ? named
    : [...named, ['bootloader', `ESP-IDF ${bootloader.idfVersion}, built ${bootloader.compiledAt}`]];
}

function microPythonText({ micropython }: Dossier): string | null {
  if (micropython === null) return null;
  const { version, builtOn, board, mcu } = micropython;
  return `${version} of ${builtOn}, ${board} with ${mcu}`;
}

function sealRows({ checksum, crc, digest, md5Tail, signature }: Dossier): Row[] {
  return [
    ['checksum', checksum === null ? null : `${hex(checksum.stored)} ${verdict(checksum)}`],
    ['CRC-32', crc === null ? null : `${hex(crc.stored)} ${verdict(crc)}`],
    ['SHA-256', digest === null ? null : `${digest.stored} ${verdict(digest)}`],
    ['MD5', md5Tail === null ? null : `${md5Tail.stored} ${verdict(md5Tail)}, at its end`],
    ['signature', signature === null ? null : `${signature}, not verified`],
  ];
}

function verdict<T>({ stored, computed }: { readonly stored: T; readonly computed: T }): string {
  return stored === computed ? '(right)' : '(wrong)';
}

function partitionCells(partition: NonNullable<Dossier['partitions']>[number]): string[] {
  const flags = [partition.isEncrypted ? 'encrypted' : null, partition.isReadOnly ? 'read-only' : null];
  return [
    partition.label,
    partitionTypeName(partition),
    hex(partition.offset),
    humanSize(partition.sizeBytes),
    flags.filter((flag) => flag !== null).join(' '),
  ];
}

function segmentCells({ loadAddress, sizeBytes, fileOffset, region }: Segment): string[] {
  return [hex(loadAddress), region ?? 'unknown', `at ${hex(fileOffset)}`, humanSize(sizeBytes)];
}

/** A title and aligned columns; nothing for no lines. */
function table(title: string, lines: readonly (readonly string[])[]): string[] {
  if (lines.length === 0) return [];
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((cells) => (cells[column] ?? '').length)));
  const aligned = lines.map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return [title, ...aligned.map((line) => `  ${line.trimEnd()}`)];
}
