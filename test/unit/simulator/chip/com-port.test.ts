import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ComPortServer } from '../../../../src/simulator/chip/com-port.ts';
import { escapeTelnet, TelnetDecoder } from '../../../../src/simulator/chip/telnet.ts';

const [IAC, SE, SB, WILL, WONT, DO, DONT] = [255, 240, 250, 251, 252, 253, 254] as const;
const COM_PORT = 44;

describe('Telnet', () => {
  it('gives back data, however it is cut (RFC 854)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 1, max: 9 }), (data, portion) => {
        const line = escapeTelnet(data);
        const decoder = new TelnetDecoder();
        const heard: number[] = [];
        for (let at = 0; at < line.length; at += portion) {
          for (const event of decoder.push(line.subarray(at, at + portion))) {
            if (event.kind === 'data') heard.push(...event.bytes);
          }
        }
        expect(heard).toEqual([...data]);
      }),
    );
  });

  it('survives any bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), (noise) => void new TelnetDecoder().push(noise)));
  });
});

describe('RFC 2217', () => {
  const heard: number[] = [];
  const told: unknown[] = [];
  let server: ComPortServer;

  beforeEach(() => {
    heard.length = 0;
    told.length = 0;
    server = new ComPortServer((bytes) => heard.push(...bytes), {
      onData: (bytes) => told.push([...bytes]),
      onLines: (lines) => told.push(lines),
      onBaudRate: (baudRate) => told.push(baudRate),
    });
  });

  function answerTo(...bytes: number[]): number[] {
    heard.length = 0;
    server.receive(Uint8Array.from(bytes));
    return [...heard];
  }

  function control(value: number): number[] {
    return answerTo(IAC, SB, COM_PORT, 5, value, IAC, SE);
  }

  it('agrees once to what it knows, and refuses the rest', () => {
    expect(answerTo(IAC, DO, 0)).toEqual([IAC, WILL, 0]);
    expect(answerTo(IAC, DO, 0)).toEqual([]);
    expect(answerTo(IAC, WILL, COM_PORT)).toEqual([IAC, DO, COM_PORT, IAC, SB, COM_PORT, 107, 0xb0, IAC, SE]);
    expect(answerTo(IAC, DO, 1)).toEqual([IAC, WONT, 1]);
    expect(answerTo(IAC, WILL, 31)).toEqual([IAC, DONT, 31]);
    expect(answerTo(IAC, WONT, 0)).toEqual([]);
  });

  it('sets the baud rate, and tells it when asked with 0', () => {
    const is921600 = [IAC, SB, COM_PORT, 101, 0, 0x0e, 0x10, 0, IAC, SE];
    expect(answerTo(IAC, SB, COM_PORT, 1, 0, 0x0e, 0x10, 0, IAC, SE)).toEqual(is921600);
    expect(told).toEqual([921_600]);
    expect(answerTo(IAC, SB, COM_PORT, 1, 0, 0, 0, 0, IAC, SE)).toEqual(is921600);
    expect(told).toEqual([921_600]);
  });

  it('sets the lines, and tells how they stand', () => {
    expect(control(8)).toEqual([IAC, SB, COM_PORT, 105, 8, IAC, SE]);
    control(11);
    control(12);
    expect(told).toEqual([{ dtr: true }, { rts: true }, { rts: false }]);
    expect(control(7)).toEqual([IAC, SB, COM_PORT, 105, 8, IAC, SE]);
    expect(control(10)).toEqual([IAC, SB, COM_PORT, 105, 12, IAC, SE]);
  });

  it('confirms the settings that make no difference here', () => {
    expect(answerTo(IAC, SB, COM_PORT, 2, 8, IAC, SE)).toEqual([IAC, SB, COM_PORT, 102, 8, IAC, SE]);
    expect(answerTo(IAC, SB, COM_PORT, 12, 3, IAC, SE)).toEqual([IAC, SB, COM_PORT, 112, 3, IAC, SE]);
    expect(answerTo(IAC, SB, COM_PORT, 8, IAC, SE)).toEqual([]);
  });

  it('keeps data and commands apart', () => {
    server.receive(Uint8Array.from([1, IAC, IAC, 2, IAC, SB, COM_PORT, 5, 8, IAC, SE, 3]));
    expect(told).toEqual([[1, IAC, 2], { dtr: true }, [3]]);
    server.sendData(Uint8Array.of(7, IAC));
    expect(heard.slice(-3)).toEqual([7, IAC, IAC]);
  });
});
