import type { Clock, Timer } from '../../clock.ts';
import type { Outcome } from './machine.ts';
import { decodeRequest, encodeResponse, type Request } from './packet.ts';
import { encodeSlip, SlipDecoder } from './slip.ts';

/** What differs between the mask ROM and the stub. */
export interface CommandSet {
  /** Null: not even an error is answered. */
  execute(request: Request): Outcome | null;
  /** True where the frame was no command but meant for what is going on: an acknowledgement of READ_FLASH. */
  intercept(frame: Uint8Array): boolean;
  /** The op byte and the data of the answer, status included. */
  answer(
    request: Request,
    outcome: Outcome,
  ): { readonly op: number; readonly data: Uint8Array; readonly value: number };
  /** Work after the answer has failed so. */
  noteFailure(reason: number): void;
}

/** One command after the other, each with the time it takes: the loop of both loaders. */
export class CommandLoop {
  readonly #clock: Clock;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #decoder = new SlipDecoder();
  readonly #waiting: Uint8Array[] = [];
  #commands: CommandSet | null = null;
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(clock: Clock, send: (bytes: Uint8Array) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  run(commands: CommandSet): void {
    this.#commands = commands;
  }

  receive(bytes: Uint8Array): void {
    if (this.#isStopped) return;
    this.#waiting.push(...this.#decoder.push(bytes));
    this.#proceed();
  }

  sendFrame(frame: Uint8Array): void {
    if (!this.#isStopped) this.#send(encodeSlip(frame));
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#waiting.length = 0;
  }

  #proceed(): void {
    while (this.#timer === null && !this.#isStopped) {
      const frame = this.#waiting.shift();
      if (frame === undefined) return;
      this.#handle(frame);
    }
  }

  #handle(frame: Uint8Array): void {
    const commands = this.#commands;
    if (commands === null || commands.intercept(frame)) return;
    const request = decodeRequest(frame);
    if (request === null) return;
    const outcome = commands.execute(request);
    if (outcome !== null) this.#after(outcome.workMs ?? 0, () => this.#finish(commands, request, outcome));
  }

  #finish(commands: CommandSet, request: Request, outcome: Outcome): void {
    const { op, value, data } = commands.answer(request, outcome);
    const frame = encodeResponse(op, value, data);
    for (let nth = 0; nth < (outcome.answers ?? 1); nth += 1) this.sendFrame(frame);
    const more = outcome.afterwards?.();
    if (more === undefined) return;
    if (more.reason !== 0) commands.noteFailure(more.reason);
    this.#after(more.workMs, () => undefined);
  }

  /** At once, or later with everything else waiting. */
  #after(delayMs: number, act: () => void): void {
    if (delayMs <= 0 || this.#isStopped) {
      act();
      return;
    }
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#timer = null;
      act();
      this.#proceed();
    });
  }
}
