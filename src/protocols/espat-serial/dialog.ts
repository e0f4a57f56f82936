import { type Clock, sleep } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { SerialLink } from '../../transports/links.ts';
import { BUSY_PAUSE_MS } from './constants.ts';

/** How a module ended its answer. */
export type Verdict = 'ok' | 'error' | 'fail' | 'silent';

/** The answer to one command. */
export interface Reply {
  readonly verdict: Verdict;
  /** Everything before the verdict, without the echo. */
  readonly lines: readonly string[];
}

const VERDICTS: Readonly<Record<string, Exclude<Verdict, 'silent'>>> = {
  OK: 'ok',
  // AT 0.9 answers a setting that it has already with this alone.
  'no change': 'ok',
  ERROR: 'error',
  FAIL: 'fail',
};

/** So much of what a module said is kept for a diagnosis. */
const KEPT_CHARACTERS = 4_096;

/** Lines to and from a module. Everything is read as latin1: what it prints while it starts may hold any byte. */
export class AtDialog {
  readonly link: SerialLink;
  readonly clock: Clock;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  #pending = '';
  #kept = '';

  constructor(link: SerialLink, clock: Clock, log: Logger, signal: AbortSignal) {
    this.link = link;
    this.clock = clock;
    this.#log = log;
    this.#signal = signal;
  }

  /** What came since {@link forget}, for a diagnosis. */
  get heard(): string {
    return this.#kept;
  }

  forget(): void {
    this.link.discardInput();
    this.#pending = '';
    this.#kept = '';
  }

  /** Sends text as it is, without the end of a line. */
  async sendRaw(text: string): Promise<void> {
    await this.link.write(Buffer.from(text, 'latin1'));
  }

  /**
   * One command and its answer. `busy p...` is waited out within the time. Only the name of the command is logged: what follows may be
   * a password.
   */
  async command(command: string, withinMs: number): Promise<Reply> {
    const endMs = this.clock.monotonic() + withinMs;
    for (;;) {
      this.forget();
      await this.sendRaw(`${command}\r\n`);
      const reply = await this.reply(command, endMs - this.clock.monotonic());
      this.#log.debug('espat.command', { command: nameOf(command), verdict: reply.verdict });
      const isBusy = reply.verdict === 'silent' && reply.lines.some(isBusyLine);
      if (!isBusy || this.clock.monotonic() + BUSY_PAUSE_MS >= endMs) return reply;
      await sleep(this.clock, BUSY_PAUSE_MS, this.#signal);
    }
  }

  /** The rest of an answer. `command` is left out where it is echoed; `busy` ends it as silence does. */
  async reply(command: string | null, withinMs: number): Promise<Reply> {
    const lines: string[] = [];
    const endMs = this.clock.monotonic() + withinMs;
    for (;;) {
      const line = await this.line(endMs - this.clock.monotonic());
      if (line === null) return { verdict: 'silent', lines };
      const verdict = VERDICTS[line];
      if (verdict !== undefined) return { verdict, lines };
      if (line !== command) lines.push(line);
      if (isBusyLine(line)) return { verdict: 'silent', lines };
    }
  }

  /** The next line that is not empty; null: none in time. */
  async line(withinMs: number): Promise<string | null> {
    const endMs = this.clock.monotonic() + withinMs;
    for (;;) {
      const [, line, rest] = /^[\r\n]*([^\r\n]+)[\r\n]([\s\S]*)$/.exec(this.#pending) ?? [];
      if (line !== undefined && rest !== undefined) {
        this.#pending = rest;
        return line.trim();
      }
      if (!(await this.#readMore(endMs - this.clock.monotonic()))) return null;
    }
  }

  /** Waits until `sign` stands in what came since {@link forget}. */
  async hears(sign: RegExp, withinMs: number): Promise<boolean> {
    const endMs = this.clock.monotonic() + withinMs;
    while (!sign.test(this.#kept)) {
      if (!(await this.#readMore(endMs - this.clock.monotonic()))) return false;
    }
    return true;
  }

  async #readMore(withinMs: number): Promise<boolean> {
    if (withinMs <= 0) return false;
    const bytes = await this.link.read(withinMs, this.#signal);
    if (bytes === null) return false;
    const text = Buffer.from(bytes).toString('latin1');
    this.#pending = (this.#pending + text).slice(-KEPT_CHARACTERS);
    this.#kept = (this.#kept + text).slice(-KEPT_CHARACTERS);
    return true;
  }
}

function isBusyLine(line: string): boolean {
  return line.startsWith('busy ');
}

/** `AT+CWJAP`, without what is set. */
export function nameOf(command: string): string {
  return command.split('=')[0] ?? command;
}

/** `"` around a text, and `\` before what would end it (ESP8266 AT Instruction Set, "AT+CWJAP"). */
export function quoted(text: string): string {
  return `"${text.replaceAll(/[\\",]/g, (character) => `\\${character}`)}"`;
}

/** The command has to succeed. @throws FlashError ESPAT_REFUSED, ESPAT_SILENT */
export async function mustDo(dialog: AtDialog, command: string, withinMs: number): Promise<readonly string[]> {
  const { verdict, lines } = await dialog.command(command, withinMs);
  if (verdict === 'ok') return lines;
  const name = nameOf(command);
  if (verdict !== 'silent')
    throw new FlashError('ESPAT_REFUSED', `the module answers ${name} with ${verdict.toUpperCase()}`);
  throw new FlashError('ESPAT_SILENT', `the module did not answer ${name} within ${Math.round(withinMs / 1000)} s`);
}
