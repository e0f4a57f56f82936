import { NAME_LENGTH, NO_FILE, UPGRADE_FILE } from './constants.ts';

/** What is wrong with the name of a program, as an ending of "expected …"; null: nothing. */
export function whyNotName(name: string): string | null {
  const isName = /^[\x21-\x7e]{7}$/.test(name) && !/[/:\\]/.test(name);
  if (!isName) return `${NAME_LENGTH} visible ASCII characters without / and :, such as TEST001`;
  return name.toUpperCase() === NO_FILE
    ? `a name other than ${NO_FILE}, which means that there is nothing to do`
    : null;
}

/** The name that a file was exported under. `.bin`, which people add for other tools, is no part of it; null: it has none. */
export function nameOfFile(fileName: string): string | null {
  const name = fileName.replace(/\.bin$/i, '');
  return whyNotName(name) === null && name !== UPGRADE_FILE ? name : null;
}
