import type { FtpServerSettings } from '../../../model/server.ts';
import type { Entry, FileEntry } from '../folder.ts';

/** What the commands of FTP work on: one device's session. */
export interface Conversation {
  readonly settings: FtpServerSettings;
  /** Where the device came from, and where it came to, in plain form. */
  readonly peer: string;
  readonly local: string;
  /** Empty until it has logged in. */
  readonly userName: string;
  /** Where the client stands: names from the root on. */
  folder: readonly string[];
  /** The first byte of the next RETR. */
  restartAt: number;
  /** After EPSV ALL nothing else may make data connections (RFC 2428, section 4). */
  isExtendedOnly: boolean;
  name(user: string): void;
  /** False: the password is not that of the user that was named. After some of these the connection is closed. */
  logIn(password: string): boolean;
  /** Says goodbye and closes when that has left. */
  quit(text: string): void;
  /** What a path means now; null: nothing stands there. */
  entry(path: string): Entry | null;
  /** It asked for a file or a folder at this path, and there is none. */
  missing(path: string): void;
  /** Listens for a data connection. Null: no port is free. */
  passive(): Promise<number | null>;
  /** Makes a data connection to this port of the device. */
  active(port: number): void;
  /** Sends a listing. Returns what is to be answered at the end, as the next does. */
  list(text: string): Promise<string>;
  retrieve(entry: FileEntry): Promise<string>;
}
