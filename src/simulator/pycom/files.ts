/** The file system of a device as far as its FTP server shows it. Paths are absolute, without a slash at the end. */
export class Files {
  readonly #folders = new Set(['/', '/flash', '/flash/sys', '/flash/lib', '/flash/cert']);
  readonly #files = new Map<string, Uint8Array>([
    ['/flash/boot.py', Buffer.from('# boot.py -- run on boot-up\r\n')],
    ['/flash/main.py', Buffer.from('# main.py -- put your code here!\r\n')],
  ]);
  /** After any command with an absolute path it is `/`. */
  folder = '/flash';

  resolve(path: string): string {
    const isAbsolute = path.startsWith('/');
    const joined = isAbsolute ? path : `${this.folder}/${path}`;
    if (isAbsolute) this.folder = '/';
    const parts: string[] = [];
    for (const part of joined.split('/')) {
      if (part === '..') parts.pop();
      else if (part !== '' && part !== '.') parts.push(part);
    }
    return `/${parts.join('/')}`;
  }

  isFolder(path: string): boolean {
    return this.#folders.has(path);
  }

  read(path: string): Uint8Array | null {
    return this.#files.get(path) ?? null;
  }

  /** False where there is no folder for it. */
  write(path: string, bytes: Uint8Array): boolean {
    if (!this.#folders.has(parentOf(path)) || parentOf(path) === '/') return false;
    this.#files.set(path, bytes);
    return true;
  }

  remove(path: string): boolean {
    return this.#files.delete(path);
  }

  makeFolder(path: string): boolean {
    if (this.#folders.has(path) || !this.#folders.has(parentOf(path))) return false;
    this.#folders.add(path);
    return true;
  }

  removeFolder(path: string): boolean {
    const isEmpty = this.list(path).length === 0;
    return isEmpty && this.#folders.delete(path);
  }

  rename(from: string, to: string): boolean {
    const bytes = this.#files.get(from);
    return bytes !== undefined && this.write(to, bytes) && this.#files.delete(from);
  }

  /** As LIST prints them. */
  list(path: string): readonly string[] {
    const inside = (name: string) => name !== '/' && parentOf(name) === path;
    const base = (name: string) => name.slice(name.lastIndexOf('/') + 1);
    const folders = [...this.#folders]
      .filter(inside)
      .map((name) => `drw-rw-r--   1 root  root         0 Jan 01  1980 ${base(name)}`);
    const files = [...this.#files]
      .filter(([name]) => inside(name))
      .map(([name, { length }]) => `-rw-rw-r--   1 root  root ${`${length}`.padStart(9)} Nov 20 21:48 ${base(name)}`);
    return [...folders, ...files];
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
