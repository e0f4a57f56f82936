import type { Clock, Timer } from '../../clock.ts';
import { type ChipFacts, factsOf } from './chip-facts.ts';
import { type ChipFaults, faultsOfStart } from './chip-faults.ts';
import { flashIdOf, flashOf, macOf, securityInfoOf } from './chip-identity.ts';
import type { ChipCounts, ChipEvent, ChipSpec, RamUpload, ResetCircuit } from './chip-spec.ts';
import { BOARD_TIMINGS, type ChipTimings } from './chip-timings.ts';
import { FlashArray } from './flash-array.ts';
import { FlashCipher } from './flash-cipher.ts';
import { attachWord, flashPadFuses } from './flash-pads.ts';
import { flashPowerAtStart, hasFlashPower } from './flash-power.ts';
import { CommandLoop } from './loader.ts';
import type { Machine } from './machine.ts';
import { Registers } from './registers.ts';
import { type ControlLines, type PinLevels, pinLevels, RELEASED } from './reset-circuit.ts';
import { RomLoader } from './rom-loader.ts';
import { SpiController } from './spi-controller.ts';
import { downloadText, flashStartText, StartCause } from './start-text.ts';
import { StubLoader } from './stub-loader.ts';
import { UartFaults } from './uart-faults.ts';
import { Watchdogs } from './watchdogs.ts';
import { hearAt } from './waveform.ts';

/** What the chip is connected to. */
export interface Wiring {
  readonly clock: Clock;
  /** From the chip's TX pin, at its rate. */
  send(bytes: Uint8Array, baudRate: number): void;
  emit(event: ChipEvent): void;
}

const RELEASED_LINES: ControlLines = { dtr: false, rts: false };
const DEFAULT_BAUD_RATE = 115_200;
/** What RDID reads where nothing answers. */
const NO_FLASH = 0xffffff;
const STUB_ANNOUNCEMENT = Buffer.from('OHAI', 'latin1');
/** A rate at which nobody listens. */
const OFF_RATE = 1.37;

/** A chip with its flash, its mask ROM and its reset circuit: bytes and levels in, bytes out, time from the clock. */
export class SimulatedChip {
  readonly facts: ChipFacts;
  readonly mac: string;
  readonly counts: ChipCounts = {
    starts: 0,
    syncs: 0,
    bytesReceived: 0,
    bytesSent: 0,
    bytesWritten: 0,
    sectorsErased: 0,
  };
  /** All programs that were loaded into RAM and jumped to, in order. */
  readonly uploads: RamUpload[] = [];
  readonly #spec: ChipSpec;
  readonly #wiring: Wiring;
  readonly #circuit: ResetCircuit;
  readonly #timings: ChipTimings;
  readonly #flash: FlashArray;
  readonly #cipher: FlashCipher;
  readonly #registers: Registers;
  readonly #uartFaults: UartFaults;
  readonly #watchdogs: Watchdogs | null;
  #faults: ChipFaults = {};
  #isPowered = false;
  #lines: ControlLines = RELEASED_LINES;
  #pins: PinLevels = RELEASED;
  /** Null: the ROM waits for a SYNC to find it. */
  #baudRate: number | null = null;
  #hostBaudRate: number | null = null;
  #loop: CommandLoop | null = null;
  #attachedPads: number | null = null;
  #timer: Timer | null = null;

  /** Throws a RangeError for a spec that no chip meets. */
  constructor(spec: ChipSpec, wiring: Wiring) {
    const { chip, circuit = 'two-transistors', faults = {}, security = {} } = spec;
    this.#spec = spec;
    this.#wiring = wiring;
    this.#circuit = circuit;
    this.#timings = { ...BOARD_TIMINGS, ...spec.timings };
    this.facts = factsOf(chip);
    const mac = macOf(spec);
    this.mac = mac.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
    this.#flash = new FlashArray(flashOf(spec), faults.badByte ?? null);
    this.#cipher = new FlashCipher(this.mac);
    const identity = { mac, security, revision: spec.revision ?? { major: 1, minor: 0 } };
    const power = { chip, revision: identity.revision, isPoweredByRom: spec.isFlashPoweredByRom ?? false };
    const flashId = faults.flashId ?? flashIdOf(this.#flash.sizeBytes);
    const spi = new SpiController(this.facts.spi, () =>
      this.#isFlashReached() && hasFlashPower(power, (address) => this.#registers.read(address)) ? flashId : NO_FLASH,
    );
    const { watchdogs } = this.facts;
    this.#watchdogs = watchdogs === null ? null : new Watchdogs(watchdogs, wiring.clock, () => this.#startByWatchdog());
    this.#registers = new Registers(this.facts, identity, {
      spi,
      watchdogs: this.#watchdogs,
      atStart: [...flashPowerAtStart(power), ...flashPadFuses(chip, spec.flashPads)],
      baudRate: () => this.#baudRate ?? DEFAULT_BAUD_RATE,
    });
    this.#uartFaults = new UartFaults(faults);
  }

  get name(): string {
    return this.#spec.name;
  }

  /** The flash's own cells. */
  get flash(): Uint8Array {
    return this.#flash.bytes;
  }

  /** Of both directions; null while the ROM takes any. */
  get baudRate(): number | null {
    return this.#baudRate;
  }

  powerOn(): void {
    if (this.#isPowered) return;
    this.#isPowered = true;
    this.#lines = RELEASED_LINES;
    this.#pins = RELEASED;
    const hasReset = this.#circuit !== 'none' && this.#circuit !== 'usb-otg';
    const isDownload = (this.#spec.power ?? (hasReset ? 'flash' : 'download')) === 'download';
    this.#start(StartCause.POWER_ON, () => isDownload);
  }

  /** As if the time of its watchdogs were up: what nobody has switched off resets the chip now. Returns whether it did. */
  expireWatchdogs(): boolean {
    return this.#watchdogs?.expire() ?? false;
  }

  powerOff(): void {
    this.#isPowered = false;
    this.#halt();
  }

  setLines(lines: Partial<ControlLines>): void {
    this.#lines = { ...this.#lines, ...lines };
    const before = this.#pins;
    this.#pins = pinLevels(this.#circuit, this.#lines, before);
    if (!this.#isPowered) return;
    if (this.#pins.isHeld) this.#halt();
    else if (before.isHeld) {
      // Its own peripheral keeps the choice over the reset; a pin is read when the capacitor at EN is charged.
      const isDownload = this.#circuit === 'usb-serial-jtag' ? () => before.isDownload : () => this.#pins.isDownload;
      this.#start(StartCause.POWER_ON, isDownload);
    }
  }

  /** To the chip's RX pin. `baudRate` is the sender's; null: whatever the chip expects. */
  receive(bytes: Uint8Array, baudRate: number | null): void {
    if (!this.#isPowered) return;
    const { bytes: arrived, mishap } = this.#uartFaults.receive(bytes);
    this.counts.bytesReceived += arrived.length;
    this.#hostBaudRate = baudRate;
    const rate = this.#baudRate ?? baudRate;
    if (rate !== null && !this.#faults.isDeaf) this.#loop?.receive(this.#hear(arrived, baudRate ?? rate, rate));
    else if (!this.#faults.isDeaf) this.#loop?.receive(arrived);
    if (mishap === 'brown-out') this.#brownOut();
    else if (mishap === 'hang') this.#loop = null;
    else if (mishap === 'vanish') {
      this.powerOff();
      this.#wiring.emit('vanished');
    }
  }

  #hear(bytes: Uint8Array, from: number, to: number): Uint8Array {
    return hearAt(bytes, from, to > (this.#faults.maxBaudRate ?? Number.POSITIVE_INFINITY) ? to * OFF_RATE : to);
  }

  #send(bytes: Uint8Array, baudRate: number): void {
    if (!this.#isPowered) return;
    const left = this.#uartFaults.send(this.#hear(bytes, baudRate, baudRate));
    this.counts.bytesSent += left.length;
    if (left.length > 0) this.#wiring.send(left, baudRate);
  }

  #print(text: string): void {
    this.#send(Buffer.from(text, 'latin1'), this.facts.bootText.baudRate);
  }

  #halt(): void {
    this.#watchdogs?.stop();
    this.#timer?.cancel();
    this.#timer = null;
    this.#loop?.stop();
    this.#loop = null;
  }

  #brownOut(): void {
    this.#halt();
    this.#wiring.emit('browned-out');
    this.#print('\r\nBrownout detector was triggered\r\n\r\n');
    this.#start(StartCause.BROWN_OUT, () => this.#pins.isDownload);
  }

  #start(cause: StartCause, isDownload: () => boolean): void {
    this.#halt();
    this.counts.starts += 1;
    this.#faults = faultsOfStart(this.#spec.faults ?? {}, this.counts.starts);
    this.#baudRate = null;
    if (this.#faults.isSilent) return;
    this.#after(this.#timings.enableRiseMs, () => {
      const isLoader = isDownload() && !this.#faults.wrongBootMode;
      this.#after(this.#timings.startMs, () => (isLoader ? this.#startLoader(cause) : this.#startFlash(cause)));
    });
  }

  /** What the host chose by its lines holds for one reset; what it left in the register of a chip on USB-OTG, for all. */
  #startByWatchdog(): void {
    const isDownload = this.#pins.isDownload || this.#watchdogs?.isDownloadForced === true;
    this.#start(StartCause.WATCHDOG, () => isDownload);
  }

  #after(delayMs: number, act: () => void): void {
    this.#timer = this.#wiring.clock.setTimer(delayMs, () => {
      this.#timer = null;
      act();
    });
  }

  #startFlash(cause: StartCause): void {
    const { security = {}, appText = '' } = this.#spec;
    this.#baudRate = this.facts.bootText.baudRate;
    this.#wiring.emit('started-from-flash');
    const cells = security.flashEncryption ? this.#cipher.apply(0, this.#flash.bytes) : this.#flash.bytes;
    const { text, outcome } = flashStartText(this.facts, cause, cells);
    this.#print(text);
    if (outcome === 'app-runs') this.#send(Buffer.from(appText), DEFAULT_BAUD_RATE);
    else if (outcome === 'starts-again') {
      this.#after(this.#timings.restartMs, () => this.#start(StartCause.WATCHDOG, () => this.#pins.isDownload));
    }
  }

  #startLoader(cause: StartCause): void {
    this.#wiring.emit('started-in-download-mode');
    this.#attachedPads = null;
    this.#print(downloadText(this.facts, cause));
    // Fed by nobody while the ROM is the program: on chips that are the USB device they are on.
    this.#watchdogs?.start(
      this.#circuit === 'usb-serial-jtag' ? this.#timings.watchdogMs : null,
      this.#circuit === 'usb-otg',
    );
    const loop = new CommandLoop(this.#wiring.clock, (bytes) => this.#answer(bytes));
    loop.run(new RomLoader(this.#machine(loop)));
    this.#loop = loop;
  }

  /** Before any loader took hold of it, whoever asks is answered. */
  #isFlashReached(): boolean {
    return this.#attachedPads === null || this.#attachedPads === attachWord(this.#spec.flashPads);
  }

  #answer(bytes: Uint8Array): void {
    this.#send(bytes, this.#baudRate ?? this.#hostBaudRate ?? DEFAULT_BAUD_RATE);
  }

  #machine(loop: CommandLoop): Machine {
    const { security = {}, stubWindow = 1 } = this.#spec;
    const machine: Machine = {
      facts: this.facts,
      flash: this.#flash,
      registers: this.#registers,
      cipher: this.#cipher,
      security,
      securityInfo: securityInfoOf(this.facts, security),
      timings: this.#timings,
      counts: this.counts,
      faults: this.#faults,
      stubWindow,
      emit: (event) => this.#noteLoader(event),
      setBaudRate: (baudRate) => {
        this.#baudRate = baudRate;
        this.#wiring.emit('baud-changed');
      },
      attachFlash: (pads) => {
        this.#attachedPads = pads;
      },
      jump: (upload) => {
        this.uploads.push(upload);
        // A stub does so by itself, on the pads that the eFuses name.
        this.#attachedPads = attachWord(this.#spec.flashPads);
        if (this.#faults.stub === 'mute') return loop.stop();
        loop.run(new StubLoader(machine, (frame) => loop.sendFrame(frame)));
        loop.sendFrame(STUB_ANNOUNCEMENT);
        this.#wiring.emit('stub-started');
      },
      leaveLoader: () => this.#start(StartCause.POWER_ON, () => this.#pins.isDownload),
    };
    return machine;
  }

  /** The first SYNC tells the rate. */
  #noteLoader(event: ChipEvent): void {
    if (event === 'synced' && this.#baudRate === null) {
      this.#baudRate = this.#hostBaudRate ?? DEFAULT_BAUD_RATE;
      const noise = this.#faults.garbageBeforeSync;
      if (noise !== undefined) this.#answer(noise);
    }
    this.#wiring.emit(event);
  }
}
