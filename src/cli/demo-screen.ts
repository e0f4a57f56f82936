import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import type { Clock } from '../clock.ts';
import type { LogEvent, LogFields, Logger } from '../log.ts';
import { silentLogger } from '../log.ts';
import { PROOFS, type Proof } from '../model/proof.ts';
import type { Io } from './io.ts';

/** What a person sees while the demo runs; made of the daemon's own log. */
export interface DemoScreen {
  readonly log: Logger;
  say(text: string): void;
  progress(job: string, sentBytes: number, totalBytes: number): void;
  /** Leaves the terminal as it was. Safe to call twice. */
  finish(): void;
}

/** Events that are worth a line, and what is said. */
const WORDS: Readonly<Partial<Record<LogEvent, string>>> = {
  'file.accepted': 'accepted',
  'job.started': 'sending',
  'job.waiting': 'waits',
  'job.retry': 'broken off',
  'job.failed': 'failed',
  'unit.started': 'plugged in',
  'unit.succeeded': 'written, verified and started',
  'unit.failed': 'failed',
};

/** What was seen of a device whose job has succeeded, and no more than that. */
const SEEN: Readonly<Record<Proof, string>> = {
  sent: 'every byte has left',
  accepted: 'it took the image',
  returned: 'back on the network',
  verified: 'back on the network, with the new version',
  soaked: 'well for a while, with the new version',
};

/** Bars on a terminal, a line per event elsewhere. */
export function demoScreen(io: Io, devices: readonly { readonly name: string }[], clock: Clock): DemoScreen {
  const show = io.stderr.isTTY === true ? bars(io, devices) : lines(io, clock);
  const names = new Map<string, string>();
  const tell = (event: LogEvent, fields: LogFields = {}): void => {
    const { job, device, file, code, waitingFor } = fields;
    if (typeof job === 'string' && typeof device === 'string') names.set(job, device);
    const words = event === 'job.succeeded' ? seenOf(fields) : WORDS[event];
    const rest = event === 'job.waiting' ? `: ${waitingFor}` : code === undefined ? '' : `: ${code}`;
    if (words !== undefined) show.event(String(device ?? file), `${words}${rest}`);
  };
  return {
    log: listeningLogger(tell, {}),
    say: (text) => show.say(text),
    progress: (job, sentBytes, totalBytes) => show.progress(names.get(job) ?? job, sentBytes, totalBytes),
    finish: () => show.finish(),
  };
}

/** Of a device that fetches by itself there is no better word for `accepted` than what it did. */
function seenOf({ proof, evidence }: LogFields): string | undefined {
  if (proof === 'accepted' && typeof evidence === 'string') return evidence;
  const known = PROOFS.find((candidate) => candidate === proof);
  return known === undefined ? undefined : SEEN[known];
}

interface Show {
  event(who: string, words: string): void;
  say(text: string): void;
  progress(device: string, sentBytes: number, totalBytes: number): void;
  finish(): void;
}

function lines({ stderr }: Io, clock: Clock): Show {
  const beganMs = clock.monotonic();
  const write = (text: string) => {
    stderr.write(`${((clock.monotonic() - beganMs) / 1000).toFixed(1).padStart(5)} s  ${text}\n`);
  };
  return {
    event: (who, words) => write(`${who}: ${words}`),
    say: write,
    progress: () => undefined,
    finish: () => undefined,
  };
}

function bars({ stderr }: Io, devices: readonly { readonly name: string }[]): Show {
  const width = Math.max(...devices.map(({ name }) => name.length));
  const multi = new MultiBar(
    { format: '{name} {bar} {percentage}%  {words}', stream: stderr, hideCursor: true, gracefulExit: false },
    Presets.rect,
  );
  const byName = new Map<string, SingleBar>();
  const barOf = (name: string): SingleBar => {
    const bar = byName.get(name) ?? multi.create(1, 0, { name: name.padEnd(width), words: '' });
    byName.set(name, bar);
    return bar;
  };
  return {
    event: (who, words) => barOf(who).update({ words }),
    say: (text) => multi.log(`${text}\n`),
    progress: (device, sentBytes, totalBytes) => {
      const bar = barOf(device);
      bar.setTotal(totalBytes);
      bar.update(sentBytes);
    },
    finish: () => multi.stop(),
  };
}

/** Hands on what is logged, with the fields of child loggers. */
function listeningLogger(tell: (event: LogEvent, fields: LogFields) => void, inherited: LogFields): Logger {
  const hear = (event: LogEvent, fields: LogFields = {}) => tell(event, { ...inherited, ...fields });
  return {
    ...silentLogger,
    error: hear,
    warn: hear,
    info: hear,
    child: (fields) => listeningLogger(tell, { ...inherited, ...fields }),
  };
}
