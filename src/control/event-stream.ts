import type { ServerResponse } from 'node:http';
import { FlashError } from '../errors.ts';
import type { EventDocument, StatusDocument } from './documents.ts';
import type { EventFeed } from './event-feed.ts';

/** So many may watch at once. */
const MOST_WATCHERS = 32;
/** What may wait for a watcher that does not read; then it is let go. */
const MOST_BUFFERED_BYTES = 1_000_000;

/** Newline-delimited JSON: the status first, then each event as it happens, until the watcher goes or the daemon stops. */
export class EventStreams {
  readonly #feed: EventFeed;
  readonly #open = new Set<ServerResponse>();

  constructor(feed: EventFeed) {
    this.#feed = feed;
  }

  /** Throws CONTROL_BUSY. */
  open(response: ServerResponse, status: StatusDocument): void {
    if (this.#open.size >= MOST_WATCHERS) {
      throw new FlashError('CONTROL_BUSY', `${MOST_WATCHERS} commands are watching, which is the limit`);
    }
    this.#open.add(response);
    const end = this.#feed.subscribe((event) => send(response, event));
    response.once('close', () => {
      end();
      this.#open.delete(response);
    });
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    send(response, this.#feed.document('info', 'watch.began', { status }));
  }

  close(): void {
    for (const response of this.#open) response.end();
  }
}

function send(response: ServerResponse, event: EventDocument): void {
  if (response.writableLength > MOST_BUFFERED_BYTES) response.destroy();
  else response.write(`${JSON.stringify(event)}\n`);
}
