import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { rm, symlink } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';

/** What comes from the slave's side of a pseudo-terminal. */
export interface PtyEvents {
  onOpen(): void;
  onBaudRate(baudRate: number): void;
  onData(bytes: Uint8Array): void;
}

/** A pseudo-terminal that exists until it is closed, with a link to it at the path that was asked for. */
export interface PtyRelay {
  write(bytes: Uint8Array): void;
  close(): Promise<void>;
}

type Child = ChildProcess & { readonly stdin: Writable; readonly stdout: Readable };

const RECORD_HEADER_BYTES = 5;

/**
 * Node has no pseudo-terminals, Python has: this relays one. Out come records of a type, a length and a payload: P the slave's
 * path, O opened, B the slave's baud rate, D data. In comes what goes to the slave, while it is open. While nobody has the slave
 * open, poll(2) reports a hang-up at once, so it is asked again every 10 ms. TCGETS2 tells rates that termios has no name for.
 */
const PYTHON_RELAY = `
import fcntl, os, select, struct, sys, termios, time, tty
master, slave = os.openpty()
path = os.ttyname(slave)
os.close(slave)
os.set_blocking(master, False)
os.set_blocking(0, False)
def tell(kind, payload=b''):
    out = kind + struct.pack('<I', len(payload)) + payload
    while out:
        out = out[os.write(1, out):]
def baud():
    try:
        return struct.unpack('<2I', fcntl.ioctl(master, 0x802C542A, bytes(44))[36:44])[1]
    except OSError:
        return 0
tell(b'P', path.encode())
is_open, rate, pending = False, 0, b''
poller = select.poll()
while True:
    poller.register(0, select.POLLIN)
    poller.register(master, select.POLLIN | (select.POLLOUT if pending and is_open else 0))
    events = dict(poller.poll(50 if is_open else 0))
    if not is_open and not events.get(master, 0) & select.POLLHUP:
        tty.setraw(master)
        is_open = True
        tell(b'O')
    if is_open:
        now = baud()
        if now and now != rate:
            rate = now
            tell(b'B', struct.pack('<I', rate))
    if events.get(master, 0) & select.POLLIN:
        try:
            tell(b'D', os.read(master, 65536))
        except OSError:
            pass
    elif events.get(master, 0) & select.POLLHUP:
        is_open, rate, pending = False, 0, b''
        time.sleep(0.01)
    if events.get(0, 0):
        data = os.read(0, 65536)
        if not data:
            sys.exit(0)
        pending += data if is_open else b''
    if pending and is_open:
        try:
            pending = pending[os.write(master, pending):]
        except OSError:
            pass
`;

/** What can make a pseudo-terminal, the better first. */
const PROGRAMS = [
  { program: 'python3', trial: ['-c', 'import termios'], open: relayByPython },
  { program: 'socat', trial: ['-V'], open: relayBySocat },
] as const;

/** What can make a pseudo-terminal here. */
export type PtyProgram = (typeof PROGRAMS)[number]['program'];

/** Those that are here; none means that there are no pseudo-terminals for us. */
export function ptyPrograms(): readonly PtyProgram[] {
  if (process.platform !== 'linux') return [];
  const here = PROGRAMS.filter(({ program, trial }) => spawnSync(program, trial, { stdio: 'ignore' }).status === 0);
  return here.map(({ program }) => program);
}

/** By the first of `programs` that can do it. Rejects with what became of each, where none can. */
export async function openPty(
  linkPath: string,
  events: PtyEvents,
  programs: readonly PtyProgram[] = PROGRAMS.map(({ program }) => program),
): Promise<PtyRelay> {
  const failures: unknown[] = [];
  const candidates = process.platform === 'linux' ? PROGRAMS.filter(({ program }) => programs.includes(program)) : [];
  for (const { open } of candidates) {
    try {
      return await open(linkPath, events);
    } catch (cause) {
      failures.push(cause);
    }
  }
  throw new AggregateError(failures, 'a pseudo-terminal needs Linux with python3 or socat');
}

async function relayByPython(linkPath: string, events: PtyEvents): Promise<PtyRelay> {
  const child = spawn('python3', ['-c', PYTHON_RELAY], { stdio: ['pipe', 'pipe', 'inherit'] });
  let waiting = Buffer.alloc(0);
  const path = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`python3 ended with ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      waiting = takeRecords(Buffer.concat([waiting, chunk]), (kind, payload) => {
        if (kind === 'P') resolve(payload.toString('latin1'));
        else if (kind === 'O') events.onOpen();
        else if (kind === 'B') events.onBaudRate(payload.readUInt32LE());
        else events.onData(payload);
      });
    });
  });
  await rm(linkPath, { force: true });
  await symlink(path, linkPath);
  return relayOf(child, linkPath);
}

/** Calls `take` for each whole record; what is left over. */
function takeRecords(bytes: Buffer, take: (kind: string, payload: Buffer) => void): Buffer<ArrayBuffer> {
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= bytes.length) {
    const end = at + RECORD_HEADER_BYTES + bytes.readUInt32LE(at + 1);
    if (end > bytes.length) break;
    take(String.fromCharCode(bytes[at] ?? 0), bytes.subarray(at + RECORD_HEADER_BYTES, end));
    at = end;
  }
  return Buffer.from(bytes.subarray(at));
}

/** Bytes only: neither openings nor baud rates are seen, so the board counts as opened once, when it is made. */
async function relayBySocat(linkPath: string, events: PtyEvents): Promise<PtyRelay> {
  const child = spawn('socat', ['-d', '-d', `PTY,raw,echo=0,link=${linkPath}`, '-'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`socat ended with ${code}`)));
    child.stderr.on('data', (text: Buffer) => {
      if (text.includes('starting data transfer')) resolve();
    });
  });
  child.stdout.on('data', (bytes: Buffer) => events.onData(bytes));
  events.onOpen();
  return relayOf(child, linkPath);
}

function relayOf(child: Child, linkPath: string): PtyRelay {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  // A helper that dies takes the port with it; what is written then has nowhere to go.
  child.stdin.on('error', () => undefined);
  return {
    write: (bytes) => {
      if (child.stdin.writable) child.stdin.write(bytes);
    },
    close: async () => {
      child.kill('SIGKILL');
      await ended;
      await rm(linkPath, { force: true });
    },
  };
}
