import { type FtpServerAddress, type Line, LineLost, ModemFtp } from './ftp-client.ts';
import type { WaspmoteModule } from './modules.ts';
import { type Reading, readUpgradeFile } from './upgrade-file.ts';

/** What one visit came to. */
export type VisitOutcome =
  /** The program is on the SD card, and the mote has restarted with it. */
  | { readonly kind: 'updated' }
  /** The program was taken, and after the restart its name was another: the old one runs on. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'nothing'; readonly why: 'no file' | 'not newer' }
  | { readonly kind: 'failed'; readonly why: string };

/** A Waspmote with its EEPROM and its SD card, which asks for a new program when it is told to. */
export class Mote {
  readonly module: WaspmoteModule;
  /** The name of the program that runs, as the EEPROM has it. */
  programName: string;
  /** One byte of the EEPROM; 255 where none was ever written. */
  version: number;
  /** The program that runs, as it came. */
  program: Uint8Array | null = null;

  constructor(module: WaspmoteModule, programName: string, version: number) {
    this.module = module;
    this.programName = programName;
    this.version = version;
  }

  /** requestOTA: looks, compares, fetches, restarts. Throws nothing: a mote only ever says a code on its USB port. */
  async visit(server: FtpServerAddress, line: Line): Promise<VisitOutcome> {
    try {
      return this.module === 'wifi' ? await this.#inOneSession(server, line) : await this.#inTwoSessions(server, line);
    } catch (error) {
      return { kind: 'failed', why: error instanceof Error ? error.message : String(error) };
    }
  }

  async #inOneSession(server: FtpServerAddress, line: Line): Promise<VisitOutcome> {
    const ftp = await ModemFtp.open(server, line);
    try {
      const reading = readUpgradeFile(this.module, await fetched(ftp, 'UPGRADE.TXT', this.module));
      return this.#verdict(reading) ?? (await this.#fetch(ftp, reading));
    } finally {
      await ftp.close();
    }
  }

  /** 4G logs out and in again between the files; the older modules open anew for each. */
  async #inTwoSessions(server: FtpServerAddress, line: Line): Promise<VisitOutcome> {
    const notice = this.module === 'gprs' ? '.gprs/UPGRADE.TXT' : 'UPGRADE.TXT';
    const first = await ModemFtp.open(server, line);
    let reading: Reading;
    try {
      reading = readUpgradeFile(this.module, await fetched(first, notice, this.module));
    } finally {
      await first.close();
    }
    const verdict = this.#verdict(reading);
    if (verdict !== null) return verdict;
    const tries = this.module === 'gprs' ? 3 : 1;
    for (let left = tries - 1; ; left -= 1) {
      const second = await ModemFtp.open(server, line);
      try {
        return await this.#fetch(second, reading);
      } catch (error) {
        if (left === 0 || error instanceof LineLost) throw error;
      } finally {
        await second.close();
      }
    }
  }

  /** Null: there is something to fetch. */
  #verdict(reading: Reading): VisitOutcome | null {
    switch (reading.kind) {
      case 'nothing':
        return { kind: 'nothing', why: 'no file' };
      case 'error':
        return { kind: 'failed', why: `code ${reading.code}` };
      case 'crash':
        return { kind: 'failed', why: 'it crashed over UPGRADE.TXT' };
      case 'upgrade':
        return reading.file === this.programName && this.#isNotNewer(reading.version)
          ? { kind: 'nothing', why: 'not newer' }
          : null;
    }
  }

  #isNotNewer(version: number): boolean {
    switch (this.module) {
      case '4g':
        return this.version >= version && this.version !== 255;
      case 'gprs':
        // A signed byte: what is above 127 is below zero.
        return this.version >= (version > 127 ? version - 256 : version);
      default:
        return this.version >= version;
    }
  }

  async #fetch(ftp: ModemFtp, reading: Reading): Promise<VisitOutcome> {
    if (reading.kind !== 'upgrade') throw new Error('there is nothing to fetch');
    const path = pathOf(this.module, reading.path, reading.file);
    const announced = this.module === '3g' ? await ftp.listedSizeOf(path) : await ftp.sizeOf(path);
    if (Number.isNaN(announced)) throw new Error('the listing has no size');
    const program = await ftp.retrieve(path);
    const isWhole =
      this.module === '3g' || (program.length === announced && (reading.sizeBytes ?? announced) === announced);
    if (!isWhole)
      throw new Error(
        `sizes differ: ${announced} announced, ${program.length} fetched, ${reading.sizeBytes} in the file`,
      );
    return this.#restart(program, reading.file, reading.version);
  }

  /** loadOTA, the boot loader, checkNewProgram: the name in the EEPROM has to be the one that the program was built with. */
  #restart(program: Uint8Array, name: string, version: number): VisitOutcome {
    if (!Buffer.from(program).includes(name, 0, 'latin1')) return { kind: 'refused' };
    this.program = program;
    this.programName = name;
    this.version = version & 0xff;
    return { kind: 'updated' };
  }
}

/** The 3G module asks LIST for the size, the others SIZE. */
async function fetched(ftp: ModemFtp, path: string, module: WaspmoteModule): Promise<Uint8Array> {
  const sizeBytes = module === '3g' ? await ftp.listedSizeOf(path) : await ftp.sizeOf(path);
  const bytes = await ftp.retrieve(path);
  if (bytes.length !== sizeBytes) throw new Error(`${path} has ${sizeBytes} bytes, and ${bytes.length} came`);
  return bytes;
}

/** Each library puts the path together in its own way. */
function pathOf(module: WaspmoteModule, path: string, file: string): string {
  switch (module) {
    case 'wifi':
      return path.endsWith('/') ? `${path}${file}` : `${path}/${file}`;
    case '4g':
      return file;
    case '3g':
      return `${path}${file}`;
    case 'gprs':
      return `.gprs${path}/${file}`;
  }
}
