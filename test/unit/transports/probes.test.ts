import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { isEchoReply, pingProbe } from '../../../src/transports/probes.ts';

const folder = mkdtempSync(join(tmpdir(), 'dropflash-ping-'));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true }));

/** What a probe makes of a system whose `ping` is this shell script. */
async function probeBy(script: string | null): Promise<{ readonly answered: boolean; readonly reasons: string[] }> {
  const program = join(folder, 'ping');
  rmSync(program, { force: true });
  if (script !== null) writeFileSync(program, `#!/bin/sh\n${script}\n`);
  if (script !== null) chmodSync(program, 0o755);
  vi.stubEnv('PATH', folder);
  const reasons: string[] = [];
  const probe = pingProbe('127.0.0.1', (reason) => reasons.push(reason));
  return { answered: await probe(30_000, new AbortController().signal), reasons };
}

describe.skipIf(process.platform === 'win32')('a ping', () => {
  it('is answered where the program says so', async () => {
    expect(await probeBy('exit 0')).toEqual({ answered: true, reasons: [] });
  });

  it('is not answered, and nothing is wrong with it, at exit code 1', async () => {
    expect(await probeBy('exit 1')).toEqual({ answered: false, reasons: [] });
  });

  it('tells why it could not ask', async () => {
    const script = 'echo "ping: cap_set_proc: Operation not permitted" >&2; exit 255';
    const reasons = ['ping: cap_set_proc: Operation not permitted'];
    expect(await probeBy(script)).toEqual({ answered: false, reasons });
  });

  it('tells that there is no such program', async () => {
    const { answered, reasons } = await probeBy(null);
    expect(answered).toBe(false);
    expect(reasons).toEqual([expect.stringContaining('ENOENT')]);
  });
});

describe('what ping prints on Windows, with exit code 0', () => {
  const REPLY = 'Antwort von 10.0.7.31: Bytes=32 Zeit=2ms TTL=255';
  const ROUTER = 'Antwort von 10.0.7.2: Zielhost nicht erreichbar.';

  it('is an answer only with a TTL, in any language', () => {
    expect(isEchoReply('win32', '10.0.7.31', REPLY)).toBe(true);
    expect(isEchoReply('win32', '10.0.7.31', ROUTER)).toBe(false);
  });

  it('has no TTL over IPv6, where the exit code can be trusted', () => {
    expect(isEchoReply('win32', 'fe80::1', 'Antwort von fe80::1: Zeit<1ms')).toBe(true);
  });

  it('does not matter elsewhere', () => {
    expect(isEchoReply('linux', '10.0.7.31', '')).toBe(true);
  });
});
