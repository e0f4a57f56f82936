import { describe, expect, it } from 'vitest';
import type { PycomSpec } from '../../../../src/simulator/pycom/pycom-spec.ts';
import { Slots } from '../../../../src/simulator/pycom/slots.ts';
import { buildPycomApp } from '../../../fixtures/images.ts';

const SPEC: PycomSpec = {
  name: 'wipy',
  board: 'WiPy',
  mcu: 'ESP32',
  version: '1.17.1',
  builtOn: '2018-03-14',
  slotBytes: 30_000,
  bootLoader: 'md5-tail',
};
const OLD = buildPycomApp({ version: '1.17.1.b9', signed: 'md5-tail' });
const NEW = buildPycomApp({ version: '1.20.2.r6' });

function startedWith(spec: PycomSpec, ...uploads: readonly Uint8Array[]): string {
  const slots = new Slots(spec);
  for (const bytes of uploads) slots.mark(bytes);
  slots.boot();
  return /v(\S+)/.exec(slots.banner())?.[1] ?? '';
}

describe('a boot loader', () => {
  const sha256 = { ...SPEC, bootLoader: 'sha256' as const };

  it('starts what it can check, and nothing else', () => {
    expect(startedWith(SPEC, OLD)).toBe('1.17.1.b9');
    expect(startedWith(SPEC, NEW)).toBe('1.17.1');
    expect(startedWith(sha256, NEW)).toBe('1.20.2.r6');
    expect(startedWith(sha256, OLD)).toBe('1.17.1');
    expect(startedWith(sha256, NEW.subarray(0, -1))).toBe('1.17.1');
    expect(startedWith(SPEC)).toBe('1.17.1');
  });

  it('of the old kind compares over the length of the first upload, whatever came after it', () => {
    expect(startedWith(SPEC, OLD.subarray(0, 5_000), OLD)).toBe('1.17.1');
    expect(startedWith(sha256, NEW.subarray(0, 5_000), NEW)).toBe('1.20.2.r6');
  });

  it('forgets what it has looked at', () => {
    const slots = new Slots(SPEC);
    slots.mark(OLD.subarray(0, 5_000));
    slots.boot();
    slots.mark(OLD);
    slots.boot();
    expect(slots.installed).toHaveLength(1);
  });

  it('does not see that an image is too large', () => {
    const slots = new Slots(SPEC);
    slots.mark(new Uint8Array(30_001));
    expect(slots.isOverrun).toBe(true);
  });
});
