import { randomBytes } from 'node:crypto';

/** A new identifier a person can type: a letter for the kind and ten hex digits. Uniqueness is the journal's primary key. */
export function newId(kind: 'd' | 'r' | 'j' | 'u'): string {
  return `${kind}${randomBytes(5).toString('hex')}`;
}
