import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/clock.ts';
import { silentLogger } from '../../../../src/log.ts';
import { FtpControl } from '../../../../src/protocols/pycom-ftp/ftp.ts';
import { readOptions } from '../../../../src/protocols/pycom-ftp/options.ts';
import { upload } from '../../../../src/protocols/pycom-ftp/upload.ts';
import type { Links, StreamLink, StreamRead, StreamTarget } from '../../../../src/transports/links.ts';

/** A connection that says what it is told to, and takes so many bytes. */
class ScriptedStream implements StreamLink {
  readonly remoteAddress = '127.0.0.1';
  readonly written: Buffer[] = [];
  readonly says: StreamRead[] = [];
  hasEnded = false;
  #room: number;
  unsentBytes = 0;

  constructor(roomBytes: number) {
    this.#room = roomBytes;
  }

  get writtenBytes(): number {
    return this.written.reduce((sum, { length }) => sum + length, 0);
  }

  write(bytes: Uint8Array): void {
    this.written.push(Buffer.from(bytes));
    this.unsentBytes = Math.max(0, this.unsentBytes + bytes.length - this.#room);
    this.#room = Math.max(0, this.#room - bytes.length);
  }

  async read(timeoutMs: number, signal?: AbortSignal): Promise<StreamRead> {
    const next = this.says.shift();
    if (next !== undefined) return next;
    await new Promise((resolve) => setTimeout(resolve, Math.min(timeoutMs, 5)));
    signal?.throwIfAborted();
    return 'timeout';
  }

  end(): void {
    this.hasEnded = true;
  }

  close(): void {
    this.hasEnded = true;
  }

  destroy(): void {
    this.says.length = 0;
  }
}

const text = (line: string): Uint8Array => Buffer.from(`${line}\r\n`);

/** One upload over scripted connections. */
async function run(bytes: Uint8Array, roomBytes: number, replies: readonly string[]) {
  const control = new ScriptedStream(Number.POSITIVE_INFINITY);
  control.says.push(...replies.map(text));
  const data = new ScriptedStream(roomBytes);
  const targets: StreamTarget[] = [];
  const steps: string[] = [];
  const links: Pick<Links, 'openStream'> = {
    openStream: (target) => {
      targets.push(target);
      return Promise.resolve(data);
    },
  };
  const conversation = {
    address: 'wipy.local',
    port: 21,
    options: { ...readOptions({}), stallAfterMs: 200, resultWithinMs: 200 },
    links: links as Links,
    clock: systemClock,
    log: silentLogger,
  };
  const failure: { message: string | null } = { message: null };
  const word = await upload({
    conversation,
    control: new FtpControl(control, systemClock),
    bytes,
    path: '/flash/sys/appimg.bin',
    isOnlyChance: false,
    observer: { onStep: (step) => void steps.push(step), onProgress: () => undefined },
  }).then(
    () => 'done',
    (error: unknown) => {
      failure.message = error instanceof Error ? error.message : null;
      return error instanceof Error && 'code' in error ? error.code : error;
    },
  );
  return { word, message: failure.message, control, data, targets, steps };
}

const IMAGE = Buffer.alloc(50_000, 0xe9);

describe('an upload', () => {
  it('connects to the address of the control connection, and sends one command at a time', async () => {
    const { targets, control } = await run(IMAGE, 10, ['227 (192,168,4,1,7,232)', '150 ']);
    expect(targets).toMatchObject([{ address: '127.0.0.1', port: 2024 }]);
    expect(control.written.map(String)).toEqual(['PASV\r\n', 'STOR /flash/sys/appimg.bin\r\n']);
  });

  it('ends where the device takes no more bytes, before its last one', async () => {
    const { word, data, steps } = await run(IMAGE, 10_000, ['227 (192,168,4,1,7,232)', '150 ']);
    expect([word, steps, data.hasEnded]).toEqual(['PYCOM_STALLED', [], false]);
    expect(data.writtenBytes).toBeLessThan(IMAGE.length);
  });

  it('ends at a 226 that comes before its last byte', async () => {
    const { word, data, steps } = await run(IMAGE, 50_000, ['227 (192,168,4,1,7,232)', '150 ', '226 ']);
    expect([word, steps, data.hasEnded]).toEqual(['PYCOM_UPLOAD_BROKEN', [], false]);
  });

  it('says commit before its last byte leaves, and does not know without a 226', async () => {
    const { word, message, data, steps } = await run(IMAGE, 50_000, ['227 (192,168,4,1,7,232)', '150 ']);
    expect([word, steps, data.hasEnded, data.writtenBytes]).toEqual([
      'PYCOM_RESULT_LOST',
      ['commit'],
      true,
      IMAGE.length,
    ]);
    // What is in the buffers of both ends is with neither: no more is claimed than what this end did.
    expect(message).toMatch(/^all 50,000 bytes have left for the device, but it said nothing for /);
  });

  it('has no data connection where the device names no port', async () => {
    const { word, control } = await run(IMAGE, 50_000, ['502 ']);
    expect([word, control.written.map(String)]).toEqual(['PYCOM_NO_DATA_CONNECTION', ['PASV\r\n']]);
  });
});
