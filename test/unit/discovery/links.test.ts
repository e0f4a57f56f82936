import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { chooseInterfaces, fingerprint } from '../../../src/discovery/interfaces.ts';
import { parseArpTable } from '../../../src/discovery/neighbours.ts';
import { linkScope } from '../../../src/discovery/on-link.ts';

function ipv4(address: string, prefix: number, internal = false): NetworkInterfaceInfo {
  return { address, netmask: '', family: 'IPv4', mac: '', internal, cidr: `${address}/${prefix}` };
}

function ipv6(address: string): NetworkInterfaceInfo {
  return { address, netmask: '', family: 'IPv6', mac: '', internal: false, cidr: `${address}/64`, scopeid: 2 };
}

const TABLE = {
  lo: [ipv4('127.0.0.1', 8, true)],
  eth0: [ipv4('192.168.1.5', 24), ipv6('2001:db8::5'), ipv6('fe80::5')],
  wlan0: [ipv4('10.0.3.5', 22)],
  tun0: [ipv6('fe80::9')],
  down0: [],
};

describe('interfaces', () => {
  it('are all but loopback with "auto"', () => {
    expect(chooseInterfaces(TABLE, 'auto').map(({ name, families }) => [name, families])).toEqual([
      ['eth0', ['ipv4', 'ipv6']],
      ['wlan0', ['ipv4']],
      ['tun0', ['ipv6']],
    ]);
  });

  it.each([
    ['lo', 'lo', '127.0.0.1'],
    ['127.0.0.1', 'lo', '127.0.0.1'],
    ['wlan0', 'wlan0', '10.0.3.5'],
    ['192.168.1.5', 'eth0', '192.168.1.5'],
  ])('are the one that is named with "%s"', (choice, name, address) => {
    expect(chooseInterfaces(TABLE, choice)).toMatchObject([{ name, address }]);
  });

  it('are none where the name fits none', () => {
    expect(chooseInterfaces(TABLE, 'eth7')).toEqual([]);
  });

  it('are opened anew when their address changes', () => {
    const [before] = chooseInterfaces({ eth0: [ipv4('192.168.1.5', 24)] }, 'auto');
    const [after] = chooseInterfaces({ eth0: [ipv4('192.168.1.6', 24)] }, 'auto');
    expect(before && after && fingerprint(before) !== fingerprint(after)).toBe(true);
  });
});

function scopeOf(name: string) {
  const [local] = chooseInterfaces(TABLE, name);
  if (!local) throw new Error(`no ${name}`);
  return linkScope(local);
}

describe('what may be believed on a link', () => {
  it.each([
    ['eth0', '192.168.1.77', true],
    ['eth0', '192.168.2.77', false],
    ['eth0', '127.0.0.1', false],
    ['eth0', 'fe80::1%eth0', true],
    ['wlan0', '10.0.0.77', true],
    ['wlan0', '10.0.4.1', false],
    ['lo', '127.3.4.5', true],
    ['lo', '192.168.1.5', false],
  ])('%s: a datagram from %s is on-link: %s', (name, source, expected) => {
    expect(scopeOf(name).isOnLink(source)).toBe(expected);
  });

  it.each([
    ['192.168.1.77', true],
    // A reflector brings the devices of other networks.
    ['10.9.9.9', true],
    ['2001:db8::7', true],
    ['0.0.0.0', false],
    ['224.0.0.251', false],
    ['255.255.255.255', false],
    ['192.168.1.255', false],
    ['127.0.0.1', false],
    ['::1', false],
    ['::', false],
    ['ff02::fb', false],
    ['fe80::7', false],
    ['::ffff:127.0.0.1', false],
    ['nonsense', false],
  ])('eth0: a device can be at %s: %s', (address, expected) => {
    expect(scopeOf('eth0').isPlausible(address)).toBe(expected);
  });

  it('lets devices of the loopback interface have its addresses', () => {
    expect(scopeOf('lo').isPlausible('127.0.7.1')).toBe(true);
  });
});

describe('the ARP table', () => {
  const HEAD = 'IP address       HW type     Flags       HW address            Mask     Device\n';

  it('gives complete entries, and no MAC address that several have', () => {
    const rows = [
      '10.0.0.1  0x1  0x2  AA:BB:CC:00:00:01  *  eth0',
      '10.0.0.2  0x1  0x0  00:00:00:00:00:00  *  eth0',
      '10.0.0.3  0x1  0x2  aa:bb:cc:00:00:03  *  eth0',
      '10.0.0.4  0x1  0x2  aa:bb:cc:00:00:03  *  eth0',
    ];
    expect([...parseArpTable(HEAD + rows.join('\n'))]).toEqual([['10.0.0.1', 'aa:bb:cc:00:00:01']]);
  });

  it('is empty where the text is something else', () => {
    expect(parseArpTable('').size).toBe(0);
    expect(parseArpTable('\n\n\0\0 x').size).toBe(0);
  });
});
