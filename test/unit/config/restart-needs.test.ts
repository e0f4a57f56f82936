import { describe, expect, it } from 'vitest';
import { restartNeeds } from '../../../src/config/restart-needs.ts';
import { configOf, configText, ENVIRONMENT } from './environment.ts';

const withUser = (password: string) =>
  configOf(configText({ top: `servers: { ftp: { users: [{ name: ota, password: ${password} }] } }` }), {
    ...ENVIRONMENT,
    secrets: 'optional',
  });

describe('what a changed config needs a restart for', () => {
  it('is nothing where the same file is read again, passwords included', () => {
    expect(restartNeeds(withUser('{ env: OTA_PASSWORD }'), withUser('{ env: OTA_PASSWORD }'))).toEqual([]);
    expect(restartNeeds(withUser('secret'), withUser('secret'))).toEqual([]);
  });

  it('is a server whose password is another one, or comes from elsewhere', () => {
    expect(restartNeeds(withUser('secret'), withUser('another'))).toEqual(['servers']);
    expect(restartNeeds(withUser('{ env: OTA_PASSWORD }'), withUser('{ env: PASSWORD }'))).toEqual(['servers']);
    expect(restartNeeds(withUser('{ env: OTA_PASSWORD }'), withUser('{ file: OTA_PASSWORD }'))).toEqual(['servers']);
  });

  it('names each key as the file does', () => {
    const before = configOf(configText());
    const after = configOf(configText({ top: 'data: ./elsewhere\nlog: { format: pretty }\ncontrol: false' }));
    expect(restartNeeds(before, after)).toEqual(['data', 'control', 'log.format']);
  });

  it('is nothing for rules, devices, limits and hooks', () => {
    const top = 'limits: { total: 4 }\ndevices: [{ name: boiler, address: 10.0.7.31 }]';
    expect(restartNeeds(configOf(configText()), configOf(configText({ top, rule: 'undo: on-failure' })))).toEqual([]);
  });
});
