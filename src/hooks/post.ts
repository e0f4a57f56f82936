/** The other end does not want it: the same words again would meet the same answer. */
export class HookRefused extends Error {
  override readonly name = 'HookRefused';
}

/** Statuses that say "not now". */
const PASSING = [408, 425, 429];

/** Posts `body` as JSON. Rejects unless the answer is 2xx; with {@link HookRefused} where another try is of no use. */
export async function post(url: string, body: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'user-agent': 'dropflash' },
    redirect: 'manual',
    signal,
  });
  await response.body?.cancel();
  if (response.ok) return;
  const message = `the answer was ${response.status}`;
  throw response.status < 500 && !PASSING.includes(response.status) ? new HookRefused(message) : new Error(message);
}
