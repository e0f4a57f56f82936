import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { openSecret, type SecretReference, secretPlaces } from '../../../src/config/secret.ts';
import { configText, ENVIRONMENT } from './environment.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dropflash-secret-'));
  writeFileSync(join(folder, 'plain'), 'hunter2');
  writeFileSync(join(folder, 'edited'), 'hunter2\n');
  writeFileSync(join(folder, 'windows'), 'hunter2\r\n');
  writeFileSync(join(folder, 'odd'), 'hunter2\n\n');
  writeFileSync(join(folder, 'empty'), '\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const open = (reference: SecretReference) =>
  openSecret(reference, { variables: { OTA: 'hunter2', EMPTY: '' }, folder });

describe('a secret', () => {
  it.each<[string, SecretReference, string]>([
    ['a variable', { kind: 'env', name: 'OTA' }, 'hunter2'],
    ['a file', { kind: 'file', path: 'plain' }, 'hunter2'],
    ['a file that an editor ended', { kind: 'file', path: 'edited' }, 'hunter2'],
    ['a file from Windows', { kind: 'file', path: 'windows' }, 'hunter2'],
    ['a file with a newline of its own', { kind: 'file', path: 'odd' }, 'hunter2\n'],
    ['plain text', { kind: 'plain', text: 'hunter2' }, 'hunter2'],
  ])('comes from %s', (_case, reference, value) => expect(open(reference).reveal()).toBe(value));

  it.each<[SecretReference, RegExp]>([
    [{ kind: 'env', name: 'NOPE' }, /^environment variable NOPE is not set$/],
    [{ kind: 'env', name: 'EMPTY' }, /^environment variable EMPTY is empty$/],
    [{ kind: 'file', path: 'nope' }, /^secret file .*nope cannot be read \(ENOENT\)$/],
    [{ kind: 'file', path: '.' }, /cannot be read \(EISDIR\)$/],
    [{ kind: 'file', path: 'empty' }, /empty is empty$/],
  ])('%j is missing', (reference, message) =>
    expect(() => open(reference).reveal()).toThrow(
      expect.objectContaining({ code: 'CONFIG_SECRET_MISSING', message: expect.stringMatching(message) }),
    ),
  );

  it('is read when it is needed, not before', () => {
    const secret = open({ kind: 'file', path: 'late' });
    writeFileSync(join(folder, 'late'), 'hunter2');
    expect(secret.reveal()).toBe('hunter2');
  });

  it.each<SecretReference>([
    { kind: 'env', name: 'OTA' },
    { kind: 'file', path: 'plain' },
    { kind: 'plain', text: 'hunter2' },
  ])('does not leak by printing: %j', (reference) => {
    const secret = open(reference);
    const shown = [JSON.stringify({ secret }), inspect(secret, { depth: 9, showHidden: true }), `${secret.source}`];
    expect(shown.join()).not.toContain('hunter2');
  });
});

describe('relative secret files', () => {
  it('stand beside the config', () => expect(secretPlaces('/etc/dropflash/c.yaml', {}).folder).toBe('/etc/dropflash'));
  it('stand in the credentials folder of systemd where there is one', () =>
    expect(secretPlaces('/etc/c.yaml', { CREDENTIALS_DIRECTORY: '/run/credentials/x' }).folder).toBe(
      '/run/credentials/x',
    ));
});

describe('a secret that is not there', () => {
  const text = configText({ rule: 'update: { password: { env: NOPE } }' });
  const findings = (secrets: 'required' | 'optional') => {
    const { config, problems, warnings } = parseConfig(text, 'c.yaml', { ...ENVIRONMENT, secrets });
    return [config !== null, problems.map(({ code }) => code), warnings.map(({ code }) => code)];
  };

  it('is a problem to the daemon', () => expect(findings('required')).toEqual([false, ['CONFIG_SECRET_MISSING'], []]));
  it('is a warning to commands that send nothing', () =>
    expect(findings('optional')).toEqual([true, [], ['CONFIG_SECRET_MISSING']]));
});
