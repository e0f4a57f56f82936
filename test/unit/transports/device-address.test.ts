import { describe, expect, it } from 'vitest';
import { notOneDevice } from '../../../src/transports/device-address.ts';
import { resolveIpv4 } from '../../../src/transports/tcp.ts';

describe('an address that can be no device’s', () => {
  it.each([
    ['0.0.0.0', 'an unspecified address'],
    ['0.1.2.3', 'an unspecified address'],
    ['::', 'an unspecified address'],
    ['224.0.0.1', 'a multicast address'],
    ['239.255.255.255', 'a multicast address'],
    ['ff02::fb', 'a multicast address'],
    ['FF05::1', 'a multicast address'],
    ['::ffff:224.0.0.1', 'a multicast address'],
    ['240.0.0.1', 'a reserved address'],
    ['255.255.255.254', 'a reserved address'],
    ['255.255.255.255', 'the broadcast address'],
  ])('%s is %s', (address, what) => {
    expect(notOneDevice(address)).toBe(what);
  });

  it.each(['1.0.0.0', '10.0.7.31', '127.0.0.1', '192.168.1.255', '223.255.255.255', '::1', 'fe80::1', 'fd00::1'])(
    '%s can be',
    (address) => {
      expect(notOneDevice(address)).toBe(null);
    },
  );

  it('is not sent to, whoever asks', async () => {
    await expect(resolveIpv4('224.0.0.1')).rejects.toMatchObject({
      code: 'LINK_UNKNOWN_HOST',
      message: '"224.0.0.1" stands for 224.0.0.1, a multicast address and not that of one device',
    });
    expect(await resolveIpv4('10.0.7.31')).toBe('10.0.7.31');
  });
});
