import { execFile } from 'node:child_process';
import { connect, isIPv6 } from 'node:net';

/** Whether a device answers right now. Never rejects: no answer, whatever the reason, is `false`. */
export type Probe = (timeoutMs: number, signal: AbortSignal) => Promise<boolean>;

/**
 * One ICMP echo by the system's own `ping`, which has the privilege that this process lacks. `onUnusable` gets the reason where `ping`
 * is missing or may not work: its silence then says nothing about the device.
 */
export function pingProbe(address: string, onUnusable: (reason: string) => void): Probe {
  const { platform } = process;
  return (timeoutMs, signal) =>
    new Promise((resolve) => {
      const options = { signal, timeout: timeoutMs + 500, windowsHide: true };
      execFile('ping', [...pingArguments(platform, timeoutMs), address], options, (error, stdout, stderr) => {
        if (error !== null && !error.killed && !signal.aborted && !isSilence(platform, error.code)) {
          onUnusable(stderr.trim() || error.message);
        }
        resolve(error === null && isEchoReply(platform, address, stdout));
      });
    });
}

function pingArguments(platform: NodeJS.Platform, timeoutMs: number): string[] {
  if (platform === 'win32') return ['-n', '1', '-w', `${timeoutMs}`];
  // macOS counts -W in milliseconds, Linux (iputils, busybox) in seconds.
  const wait = platform === 'darwin' ? timeoutMs : Math.max(1, Math.round(timeoutMs / 1000));
  return ['-c', '1', '-W', `${wait}`];
}

/** Exit codes that say "no answer": 1 (iputils, busybox, Windows), and 2 on macOS (BSD ping(8)). Others: it could not ask. */
function isSilence(platform: NodeJS.Platform, code: unknown): boolean {
  return code === 1 || (platform === 'darwin' && code === 2);
}

/**
 * Whether a `ping` that ended with 0 heard the device. On Windows that code also stands for a router's, or this machine's own, "destination
 * host unreachable" over IPv4; only an echo reply has a TTL, in every language of Windows.
 */
export function isEchoReply(platform: NodeJS.Platform, address: string, stdout: string): boolean {
  return platform !== 'win32' || isIPv6(address) || /\bTTL=\d/i.test(stdout);
}

/** A TCP connection that is made and closed again; nothing is sent. */
export function tcpProbe(address: string, port: number): Probe {
  return (timeoutMs, signal) =>
    new Promise((resolve) => {
      const socket = connect({ host: address, port });
      const end = (answered: boolean) => {
        signal.removeEventListener('abort', onAbort);
        socket.destroy();
        resolve(answered);
      };
      const onAbort = () => end(false);
      signal.addEventListener('abort', onAbort, { once: true });
      socket.setTimeout(timeoutMs, () => end(false));
      socket.once('connect', () => end(true));
      socket.once('error', () => end(false));
      if (signal.aborted) end(false);
    });
}

/** A GET that must answer with `status`; redirects are not followed. `{address}` in the URL stands for the device's address. */
export function httpProbe(address: string, url: string, status: number): Probe {
  const host = isIPv6(address) ? `[${address}]` : address;
  const target = url.replaceAll('{address}', host);
  return async (timeoutMs, signal) => {
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const response = await fetch(target, { redirect: 'manual', signal: limit });
      await response.body?.cancel();
      return response.status === status;
    } catch {
      return false;
    }
  };
}

/** More than any page that tells a version. */
const LONGEST_TEXT_BYTES = 65_536;

/** The body of a GET that answers with `status`, cut at 64 KiB; null: it did not, or not in time. Rejects never. */
export async function httpText(
  address: string,
  url: string,
  status: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | null> {
  const host = isIPv6(address) ? `[${address}]` : address;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const response = await fetch(url.replaceAll('{address}', host), { redirect: 'manual', signal: limit });
    if (response.status === status) return await textOf(response);
    await response.body?.cancel();
    return null;
  } catch {
    return null;
  }
}

async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let sizeBytes = 0;
  for await (const chunk of body ?? []) {
    sizeBytes += chunk.length;
    text += decoder.decode(chunk, { stream: true });
    if (sizeBytes >= LONGEST_TEXT_BYTES) break;
  }
  return text;
}

/** The line that a TCP server says unasked, or as much as comes until its close, 64 KiB or the time given. Null: nothing is said. */
export function bannerText(
  address: string,
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    let text = '';
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      socket.destroy();
      resolve(text === '' ? null : (text.split('\n', 1)[0]?.trimEnd() ?? null));
    };
    const timer = setTimeout(end, timeoutMs);
    signal.addEventListener('abort', end, { once: true });
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n') || text.length >= LONGEST_TEXT_BYTES) end();
    });
    socket.once('close', end);
    socket.once('error', end);
    if (signal.aborted) end();
  });
}
