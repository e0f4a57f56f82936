import { LONGEST_REPLY_BYTES } from './constants.ts';

/** One reply of the FTP server. Nearly all texts are empty. */
export interface FtpReply {
  readonly code: number;
  readonly text: string;
}

/** One command, as it has to leave: whole, in one write. The server reads one command from each segment (ftp.c, ftp_process_cmd). */
export function encodeCommand(verb: string, argument?: string): Uint8Array {
  return Buffer.from(argument === undefined ? `${verb}\r\n` : `${verb} ${argument}\r\n`, 'utf8');
}

/** The port in `227 (192,168,4,1,7,232)`; null: there is none. Words before the bracket are no matter. */
export function passivePort(text: string): number | null {
  const [, ...numbers] = /(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})/.exec(text) ?? [];
  if (numbers.length === 0 || numbers.some((number) => Number(number) > 255)) return null;
  const port = Number(numbers[4]) * 256 + Number(numbers[5]);
  return port === 0 ? null : port;
}

/** Takes the control connection apart, whatever the chunks it comes in (RFC 959, section 4.2). */
export class ReplyReader {
  #pending = '';
  /** The code of a reply of several lines that has begun. */
  #open: string | null = null;

  /** Replies that are whole now. A line that is no reply, or a line without end, comes as code 0. */
  push(chunk: Uint8Array): FtpReply[] {
    this.#pending += Buffer.from(chunk).toString('latin1');
    const lines = this.#pending.split('\n');
    this.#pending = lines.pop() ?? '';
    const replies = lines.flatMap((line) => this.#line(line.replace(/\r$/, '')));
    if (this.#pending.length <= LONGEST_REPLY_BYTES) return replies;
    const endless = { code: 0, text: this.#pending.slice(0, LONGEST_REPLY_BYTES) };
    this.#pending = '';
    return [...replies, endless];
  }

  #line(line: string): FtpReply[] {
    const [, code = '', mark] = /^(\d{3})([ -]|$)/.exec(line) ?? [];
    if (this.#open !== null) {
      if (code !== this.#open || mark === '-') return [];
      this.#open = null;
    } else if (mark === '-') {
      this.#open = code;
      return [];
    }
    return [{ code: Number(code), text: code === '' ? line : line.slice(4) }];
  }
}
