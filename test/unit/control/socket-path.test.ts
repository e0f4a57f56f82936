import { describe, expect, it } from 'vitest';
import { socketPath } from '../../../src/control/socket-path.ts';

describe('where the running daemon listens', () => {
  it('is a socket in the data folder, or where the config says', () => {
    expect(socketPath({ socket: null }, '/var/lib/dropflash', 'linux')).toBe('/var/lib/dropflash/control.sock');
    expect(socketPath({ socket: '/run/df.sock' }, '/var/lib/dropflash', 'linux')).toBe('/run/df.sock');
  });

  it('is a pipe on Windows: one for each data folder, whatever the case of its letters', () => {
    const pipe = socketPath({ socket: null }, 'C:\\ProgramData\\dropflash\\data', 'win32');
    expect(pipe).toMatch(/^\\\\\.\\pipe\\dropflash-[0-9a-f]{16}$/);
    expect(socketPath({ socket: null }, 'c:\\programdata\\Dropflash\\data', 'win32')).toBe(pipe);
    expect(socketPath({ socket: null }, 'C:\\ProgramData\\second\\data', 'win32')).not.toBe(pipe);
  });

  it('is the pipe that the config names', () => {
    expect(socketPath({ socket: '\\\\.\\pipe\\mine' }, 'C:\\data', 'win32')).toBe('\\\\.\\pipe\\mine');
  });
});
