import { describe, expect, it } from 'vitest';
import { readOptions } from '../../../src/config/option-values.ts';
import { SAMPLE_PROTOCOL } from './environment.ts';

const read = (given: Record<string, unknown>) =>
  readOptions(SAMPLE_PROTOCOL.options, given, { variables: { OTA: 'hunter2' }, folder: '/' });

describe('options from a command line', () => {
  it('are read as the kind they have', () =>
    expect(
      read({ blocks: '3', patience: '2s', careful: 'false', chunk: '4096', listen: '8266', 'local-address': '10' }),
    ).toEqual({
      options: {
        blocks: 3,
        patience: 2000,
        careful: false,
        chunk: '4096',
        listen: { first: 8266, last: 8266 },
        'local-address': '10',
      },
      problems: [],
    }));

  it('have the defaults of the protocol', () =>
    expect(read({}).options).toEqual({ blocks: 2, patience: 12_000, careful: true, chunk: 'auto' }));

  it('take a secret by reference', () => {
    const secret = read({ password: { env: 'OTA' } }).options?.['password'];
    expect(typeof secret === 'object' && 'reveal' in secret && secret.reveal()).toBe('hunter2');
  });

  it('report every problem', () =>
    expect(read({ blocks: '99', careful: 'yes', pasword: 'x', patience: '2' })).toEqual({
      options: null,
      problems: [
        'blocks: expected a whole number from 1 to 8 blocks, found 99',
        'patience: expected a duration with its unit, from 500ms to 1m, found "2"',
        'careful: expected true or false, found "yes"',
        'pasword: unknown key; did you mean "password"?',
      ],
    }));
});
