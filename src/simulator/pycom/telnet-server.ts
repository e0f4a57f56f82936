import type { Socket } from 'node:net';
import type { Timer } from '../../clock.ts';
import type { PycomHost } from './pycom-spec.ts';

const IAC = 0xff;
const WILL = 0xfb;
const WONT = 0xfc;
const ECHO = 1;
const SGA = 3;
const LINEMODE = 34;

const USER_OPTIONS = Buffer.from([IAC, WONT, ECHO, IAC, WONT, SGA, IAC, WILL, LINEMODE]);
const PASSWORD_OPTIONS = Buffer.from([IAC, WILL, ECHO, IAC, WONT, SGA, IAC, WILL, LINEMODE]);
const SHELL_OPTIONS = Buffer.from([IAC, WILL, ECHO, IAC, WILL, SGA, IAC, WONT, LINEMODE]);

const PROMPT = '\r\n>>> ';
const LOGIN_TRIES = 3;
/** Between two things that the server says, it throws away what came in. */
const TURN_MS = 8;

/** What a session asks of its device. */
export interface TelnetActions {
  readonly reset: () => void;
}

/** One telnet session: the login, then the interpreter. */
export class TelnetSession {
  readonly #host: PycomHost;
  readonly #actions: TelnetActions;
  readonly #socket: Socket;
  #state: 'deaf' | 'user' | 'password' | 'script' | 'prompt' = 'deaf';
  #line = '';
  #isUserRight = false;
  #tries = 0;
  #hasMachine = false;
  #idle: Timer | null = null;
  #turn: Timer | null = null;

  constructor(socket: Socket, host: PycomHost, actions: TelnetActions) {
    this.#socket = socket;
    this.#host = host;
    this.#actions = actions;
    host.counts.telnetSessions += 1;
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.close());
    this.#say(`${host.banner()}\r\n`);
    this.#askUser();
  }

  close(): void {
    this.#idle?.cancel();
    this.#turn?.cancel();
  }

  #say(text: string | Buffer): void {
    this.#idle?.cancel();
    this.#idle = this.#host.clock.setTimer(this.#host.timings.idleMs, () => this.#socket.end());
    if (!this.#socket.destroyed) this.#socket.write(text);
  }

  #askUser(): void {
    this.#state = 'deaf';
    this.#say(USER_OPTIONS);
    this.#later(() => {
      this.#say('Login as: ');
      this.#state = 'user';
    });
  }

  /** Deaf until the options have been said. */
  #askPassword(): void {
    this.#state = 'deaf';
    this.#say('Password: ');
    this.#later(() => {
      this.#say(PASSWORD_OPTIONS);
      this.#state = 'password';
    });
  }

  #later(act: () => void): void {
    this.#line = '';
    this.#turn = this.#host.clock.setTimer(TURN_MS, () => {
      this.#line = '';
      act();
    });
  }

  #take(bytes: Buffer): void {
    for (const character of bytes.toString('latin1')) {
      if (this.#state === 'deaf') continue;
      if (character === '\x03') this.#interrupt();
      else if (character === '\r') this.#enter();
      else if (character !== '\n') this.#type(character);
    }
  }

  #type(character: string): void {
    this.#line += character;
    if (this.#state === 'prompt') this.#say(character);
  }

  #interrupt(): void {
    if (this.#state === 'script' && this.#host.spec.faults?.reset !== 'no-prompt') {
      this.#say('Traceback (most recent call last):\r\n  File "main.py", line 4, in <module>\r\nKeyboardInterrupt: ');
      this.#state = 'prompt';
    }
    this.#line = '';
    if (this.#state === 'prompt') this.#say(PROMPT);
  }

  #enter(): void {
    const line = this.#line;
    this.#line = '';
    const { spec } = this.#host;
    if (this.#state === 'user') {
      this.#isUserRight = line === (spec.user ?? 'micro');
      this.#askPassword();
    } else if (this.#state === 'password') {
      this.#judge(this.#isUserRight && line === (spec.password ?? 'python'));
    } else if (this.#state === 'prompt') {
      this.#evaluate(line.trim());
    }
  }

  #judge(isRight: boolean): void {
    if (!isRight) {
      this.#say('\r\nInvalid credentials, try again.\r\n');
      this.#tries += 1;
      if (this.#tries >= LOGIN_TRIES) this.#socket.end();
      else this.#askUser();
      return;
    }
    this.#say(SHELL_OPTIONS);
    this.#say('\r\nLogin succeeded!\r\nType "help()" for more information.\r\n');
    this.#state = this.#host.spec.script || this.#host.spec.faults?.reset === 'no-prompt' ? 'script' : 'prompt';
    if (this.#state === 'prompt') this.#say(PROMPT);
  }

  #evaluate(line: string): void {
    if (line === 'machine.reset()' && this.#hasMachine && this.#host.spec.faults?.reset !== 'ignored') {
      this.#say('\r\n');
      this.#actions.reset();
      return;
    }
    this.#say(`${this.#answer(line)}${PROMPT}`);
  }

  #answer(line: string): string {
    if (line === 'import machine') this.#hasMachine = true;
    if (line === '' || line.startsWith('import ') || line === 'machine.reset()') {
      return line === 'machine.reset()' && !this.#hasMachine ? "\r\nNameError: name 'machine' isn't defined" : '';
    }
    if (line === 'os.uname()') return `\r\n(sysname='${this.#host.spec.board}', release='${this.#release()}')`;
    return '\r\nSyntaxError: invalid syntax';
  }

  #release(): string {
    return /MicroPython v(\S+)/.exec(this.#host.banner())?.[1] ?? '';
  }
}
