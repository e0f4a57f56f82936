import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import type { Clock } from '../clock.ts';
import type { EventDocument, StatusDocument } from '../control/documents.ts';
import type { Io } from './io.ts';
import { humanSize, paint, printable, printLines, type Style } from './output.ts';
import { statusLines } from './status.ts';

/** What `watch` shows people. */
export interface WatchScreen {
  show(event: EventDocument): void;
  /** Leaves the terminal as it was. */
  close(): void;
}

/** The last word on a transfer: its bar goes. */
const ENDS = ['job.succeeded', 'job.failed', 'job.retry', 'job.waiting', 'job.skipped', 'job.superseded'];

/** Lines of events; on a terminal a bar below them for each transfer, elsewhere the progress that the log tells as well. */
export function createWatchScreen(io: Io, clock: Clock): WatchScreen {
  const bars = io.stdout.isTTY === true ? new TransferBars(io) : null;
  const print = (lines: readonly string[]): void => {
    if (bars === null) printLines(io.stdout, lines);
    else for (const line of lines) bars.log(line);
  };
  return {
    show(event) {
      if (event.event === 'watch.began') return print(statusLines(event['status'] as StatusDocument, clock.now()));
      if (event.event === 'job.progress') return bars?.update(event);
      if (ENDS.includes(event.event)) bars?.end(event);
      if (event.level !== 'debug' && event.level !== 'trace') print([eventLine(event, io)]);
    },
    close: () => bars?.close(),
  };
}

/** The time, the event, and its fields in short. */
function eventLine({ atMs, level, event, ...fields }: EventDocument, io: Io): string {
  const time = new Date(atMs).toISOString().slice(11, 19);
  const shown = Object.entries(fields)
    .filter(([name, value]) => value !== null && name !== 'hint' && name !== 'deviceId')
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${time} ${paint(io, io.stdout, styleOf(level), event)} ${printable(shown.join(' '))}`;
}

function styleOf(level: string): Style {
  if (level === 'error') return 'red';
  return level === 'warn' ? 'yellow' : 'cyan';
}

class TransferBars {
  readonly #multi: MultiBar;
  readonly #bars = new Map<string, SingleBar>();

  constructor(io: Io) {
    this.#multi = new MultiBar(
      {
        format: '{device} {bar} {percentage}% {done} of {size}',
        stream: io.stdout,
        hideCursor: true,
        clearOnComplete: true,
        gracefulExit: false,
        stopOnComplete: false,
      },
      Presets.rect,
    );
  }

  log(line: string): void {
    // cli-progress prints logged lines with its next picture, which comes only while there is a bar.
    this.#multi.log(`${line}\n`);
    this.#multi.update();
  }

  update({ job, device, bytes, totalBytes }: EventDocument): void {
    if (typeof job !== 'string' || typeof bytes !== 'number' || typeof totalBytes !== 'number') return;
    const payload = { device: printable(String(device)), done: humanSize(bytes), size: humanSize(totalBytes) };
    const bar = this.#bars.get(job) ?? this.#multi.create(totalBytes, 0, payload);
    this.#bars.set(job, bar);
    bar.update(bytes, payload);
  }

  end({ job }: EventDocument): void {
    const bar = typeof job === 'string' ? this.#bars.get(job) : undefined;
    if (bar === undefined || typeof job !== 'string') return;
    this.#multi.remove(bar);
    this.#bars.delete(job);
  }

  close(): void {
    this.#multi.stop();
  }
}
