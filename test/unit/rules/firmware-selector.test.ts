import { describe, expect, it } from 'vitest';
import type { AppDescription, Dossier } from '../../../src/model/image.ts';
import type { FirmwareSelector } from '../../../src/model/rule.ts';
import { compileFirmwareSelector } from '../../../src/rules/firmware-selector.ts';
import { givenImage, givenRule } from './given.ts';

function missOf(selector: Partial<FirmwareSelector>, dossier: Partial<Dossier> = {}, name = 'sensor-1.2.3.bin') {
  return compileFirmwareSelector(givenRule({ firmware: selector }).firmware)(givenImage(dossier, { name }));
}

const APP: AppDescription = {
  project: 'Sensor',
  version: 'v1.2.3',
  idfVersion: '',
  compiledAt: '',
  elfSha256: '',
  secureVersion: 0,
};

describe('a firmware selector', () => {
  it('accepts an application where it narrows nothing', () => {
    expect(missOf({})).toBeNull();
  });

  it.each<[Partial<FirmwareSelector>, Partial<Dossier>]>([
    [{ file: 'SENSOR-*.bin' }, {}],
    [{ chip: 'esp8266' }, {}],
    [{ kind: 'app' }, {}],
    [{ project: 'sens*' }, { app: APP }],
    [{ version: 'v1.*' }, { app: APP }],
    [{ kind: 'filesystem' }, { kind: 'filesystem', chip: null }],
    [{ file: 'sensor-*' }, { kind: 'filesystem', chip: null }],
    [{}, { kind: 'merged' }],
  ])('%j accepts %j', (selector, dossier) => {
    expect(missOf(selector, dossier)).toBeNull();
  });

  it.each<[Partial<FirmwareSelector>, Partial<Dossier>, string]>([
    [{ file: 'plug-*.bin' }, {}, 'file name "sensor-1.2.3.bin" does not match "plug-*.bin"'],
    [{ chip: 'esp32' }, {}, 'image chip esp8266 is not esp32'],
    [{ chip: 'esp32' }, { kind: 'filesystem', chip: null }, 'needs "kind: filesystem" or a file pattern'],
    [
      { chip: 'esp32', kind: 'filesystem' },
      { kind: 'filesystem', chip: null },
      'image names no chip, esp32 is asked for',
    ],
    [{ kind: 'filesystem' }, {}, 'image kind app is not filesystem'],
    [{ project: 'plug' }, { app: APP }, 'project "Sensor" does not match "plug"'],
    [{ project: 'plug' }, {}, 'image names no project, "plug" is asked for'],
    [{ version: 'v2.*' }, { app: APP }, 'version "v1.2.3" does not match "v2.*"'],
    [{ version: '*' }, { app: { ...APP, version: '' } }, 'image names no version, "*" is asked for'],
    [
      {},
      { kind: 'filesystem', chip: null },
      'a filesystem image needs "kind: filesystem" or a file pattern in the rule',
    ],
    [{}, { kind: 'data', chip: null }, 'a data image needs "kind: data" or a file pattern in the rule'],
  ])('%j does not accept %j', (selector, dossier, reason) => {
    expect(missOf(selector, dossier)).toContain(reason);
  });

  it('looks at the base name', () => {
    expect(missOf({ file: 'sensor-*' }, {}, '/tmp/build/sensor-1.bin')).toBeNull();
    expect(missOf({ file: '*tmp*' }, {}, '/tmp/build/sensor-1.bin')).toContain('"sensor-1.bin"');
  });

  it('makes odd characters of a file name visible', () => {
    expect(missOf({ file: 'plug-*' }, {}, 'a\n"b".bin')).toContain('file name "a\\n\\"b\\".bin"');
  });
});
