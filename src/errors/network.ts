import type { ErrorTable } from './entry.ts';

/** What hinders the way to a device. */
export const NETWORK_ERRORS = {
  // --- LINK: sockets and routes --------------------------------------------------------------------------------------
  LINK_UNKNOWN_HOST: { disposition: 'retry', hint: 'Use the address in numbers, or correct the name.' },
  LINK_UNREACHABLE: {
    disposition: 'retry',
    hint: 'Check that the device is powered and that this machine has a route to its network.',
  },
  LINK_REFUSED: {
    disposition: 'retry',
    hint: 'The address is alive but nothing listens on this port; check the port, and that the update service of the device is on.',
  },
  LINK_CLOSED: { disposition: 'retry', hint: 'Check power and radio signal of the device.' },
  LINK_NO_PORT: {
    disposition: 'retry',
    hint: 'Free the port, or give "listen" another port or a wider range.',
  },
  LINK_LOCAL_ADDRESS: {
    disposition: 'permanent',
    hint: 'Set "local-address" to an IPv4 address of this machine, or leave it out.',
  },
  LINK_NO_PING: {
    disposition: 'retry',
    hint: 'Install ping (iputils-ping) and let the user of the service run it, or check by mdns, tcp or http ("verify.by").',
  },

  // --- DISCOVERY: finding devices ------------------------------------------------------------------------------------
  DISCOVERY_NO_INTERFACE: {
    disposition: 'retry',
    hint: 'Bring the network up, or correct "discovery.mdns.interface"; devices of the fixed list are served meanwhile.',
  },
  DISCOVERY_PORT_TAKEN: {
    disposition: 'retry',
    hint: 'Find the program that holds UDP port 5353 for itself (ss -lunp) and let it share the port, or set "mdns: false".',
  },
  DISCOVERY_LINK_FAILED: {
    disposition: 'retry',
    hint: 'Check the interface and the firewall (UDP 5353, group 224.0.0.251), or name another interface in the config.',
  },
  DISCOVERY_FLOOD: {
    disposition: 'retry',
    hint: 'Find the host that floods the network with mDNS (tcpdump udp port 5353).',
  },
  DISCOVERY_PORTS_FAILED: {
    disposition: 'retry',
    hint: 'Mount /sys (Linux, containers), or install udev; name the port in the command meanwhile.',
  },
  DISCOVERY_AMBIGUOUS: {
    disposition: 'permanent',
    hint: 'Make names unique, or tell the devices apart in "devices:" by mac; until then neither is updated on a guess.',
  },
} as const satisfies ErrorTable;
