import { Presets, SingleBar } from 'cli-progress';
import type { Clock } from '../clock.ts';
import type { Output } from './io.ts';
import { humanSize } from './output.ts';

/** Tells a person how far a transfer is. */
export interface Progress {
  /** A word on what is going on, `prepare`, `waiting for the next attempt`, … */
  step(text: string): void;
  /** Never goes back, except at a new attempt. */
  update(sentBytes: number, totalBytes: number): void;
  /** Leaves the line clean for what follows. Safe to call twice. */
  finish(): void;
}

/** Without a terminal a line is written this often at most: a log file should not be full of percents. */
const LINE_EVERY_MS = 5_000;

/** A bar on a terminal, plain lines elsewhere. */
export function createProgress(output: Output, label: string, clock: Clock): Progress {
  return output.isTTY === true ? progressBar(output, label) : progressLines(output, label, clock);
}

function progressBar(output: Output, label: string): Progress {
  const bar = new SingleBar(
    {
      format: `${label} {bar} {percentage}% {done} of {size} {step}`,
      stream: output,
      hideCursor: true,
      clearOnComplete: true,
      // SIGINT is ours: a transfer stops at a safe point first.
      gracefulExit: false,
      stopOnComplete: false,
    },
    Presets.rect,
  );
  const payload = { done: humanSize(0), size: '?', step: '' };
  let isRunning = false;
  const show = (sentBytes: number) => {
    if (isRunning) bar.update(sentBytes, payload);
  };
  return {
    step: (text) => {
      payload.step = text;
      if (!isRunning) bar.start(1, 0, payload);
      isRunning = true;
      show(0);
    },
    update: (sentBytes, totalBytes) => {
      payload.done = humanSize(sentBytes);
      payload.size = humanSize(totalBytes);
      bar.setTotal(totalBytes);
      show(sentBytes);
    },
    finish: () => {
      if (isRunning) bar.stop();
      isRunning = false;
    },
  };
}

function progressLines(output: Output, label: string, clock: Clock): Progress {
  let nextMs = 0;
  return {
    step: (text) => void output.write(`${label}: ${text}\n`),
    update: (sentBytes, totalBytes) => {
      const nowMs = clock.monotonic();
      if (nowMs < nextMs) return;
      nextMs = nowMs + LINE_EVERY_MS;
      const percent = Math.floor((100 * sentBytes) / Math.max(1, totalBytes));
      output.write(`${label}: ${percent}% (${humanSize(sentBytes)} of ${humanSize(totalBytes)})\n`);
    },
    finish: () => undefined,
  };
}
