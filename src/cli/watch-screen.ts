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
const ENDS = [
  'job.succeeded',
  'job.failed',
  'job.retry',
  'job.waiting',
  'job.skipped',
  'job.superseded',
  'unit.succeeded',
  'unit.failed',
];

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
      if (event.event === 'job.progress' || event.event === 'unit.progress') return bars?.update(event);
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

/** The job or the run on the line that an event is about. */
function idOf({ job, unit }: EventDocument): string | null {
  const id = job ?? unit;
  return typeof id === 'string' ? id : null;
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

  update(event: EventDocument): void {
    const { device, bytes, totalBytes } = event;
    const id = idOf(event);
    if (id === null || typeof bytes !== 'number' || typeof totalBytes !== 'number') return;
    const payload = { device: printable(String(device)), done: humanSize(bytes), size: humanSize(totalBytes) };
    const bar = this.#bars.get(id) ?? this.#multi.create(totalBytes, 0, payload);
    this.#bars.set(id, bar);
    // The steps of a run on the line have totals of their own.
    bar.setTotal(totalBytes);
    bar.update(bytes, payload);
  }

  end(event: EventDocument): void {
    const id = idOf(event);
    const bar = id === null ? undefined : this.#bars.get(id);
    if (bar === undefined || id === null) return;
    this.#multi.remove(bar);
    this.#bars.delete(id);
  }

  close(): void {
    this.#multi.stop();
  }
}
