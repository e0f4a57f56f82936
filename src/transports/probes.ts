import { execFile } from 'node:child_process';
import { connect, isIPv6 } from 'node:net';

/** Whether a device answers right now. Never rejects: no answer, whatever the reason, is `false`. */
export type Probe = (timeoutMs: number, signal: AbortSignal) => Promise<boolean>;

/** One ICMP echo by the system's own `ping`, which has the privilege that this process lacks. */
export function pingProbe(address: string): Probe {
  return (timeoutMs, signal) =>
    new Promise((resolve) => {
      const args = process.platform === 'win32' ? ['-n', '1', '-w', `${timeoutMs}`] : unixPingArguments(timeoutMs);
      execFile('ping', [...args, address], { signal, timeout: timeoutMs + 500, windowsHide: true }, (error) =>
        resolve(error === null),
      );
    });
}

function unixPingArguments(timeoutMs: number): string[] {
  // macOS counts -W in milliseconds, Linux (iputils, busybox) in seconds.
  const wait = process.platform === 'darwin' ? timeoutMs : Math.max(1, Math.round(timeoutMs / 1000));
  return ['-c', '1', '-W', `${wait}`];
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
