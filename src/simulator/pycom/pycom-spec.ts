import type { Clock } from '../../clock.ts';

/** The module and the firmware it starts with. */
export interface PycomSpec {
  readonly name: string;
  /** `WiPy`, `LoPy4`, …: as its MicroPython names the board. */
  readonly board: string;
  /** A WiPy 1 has a CC3200. */
  readonly mcu: 'ESP32' | 'CC3200';
  /** `1.20.2.r6`, without the `v`. */
  readonly version: string;
  readonly builtOn: string;
  /** Of 127.0.0.0/8; one of its own is chosen where it is missing. */
  readonly address?: string;
  /** Of its servers. Default: any that are free, since 21 and 23 take rights that nobody should need. */
  readonly ftpPort?: number;
  readonly telnetPort?: number;
  /** The firmware has 2024 and no other; a program of this machine may have that already. Default: any that is free. */
  readonly dataPort?: number;
  readonly user?: string;
  readonly password?: string;
  /** Bytes of each of the two slots. */
  readonly slotBytes: number;
  /** What the boot loader compares before it starts a new image. It stays as it is, whatever firmware comes. */
  readonly bootLoader: 'md5-tail' | 'sha256';
  /** A script runs in a loop: no prompt before Ctrl-C. */
  readonly script?: boolean;
  readonly faults?: PycomFaults;
  readonly timings?: Partial<PycomTimings>;
}

/** How long a module takes, milliseconds. */
export interface PycomTimings {
  /** From the reset to the servers. */
  readonly bootMs: number;
  /** The servers move 512 bytes in each of their turns. */
  readonly turnMs: number;
  /** A data port without a caller, and a data connection without data, are given up after this. */
  readonly dataTimeoutMs: number;
  /** A session without a word is ended after this. */
  readonly idleMs: number;
}

/** Of a real module, as its source has them; the start is an estimate. */
export const PYCOM_TIMINGS: PycomTimings = { bootMs: 6_000, turnMs: 4, dataTimeoutMs: 10_000, idleMs: 300_000 };
/** For tests and the demo: as fast as this machine moves bytes. */
export const BRISK_PYCOM: PycomTimings = { bootMs: 700, turnMs: 0, dataTimeoutMs: 3_000, idleMs: 60_000 };

/** What goes wrong with a device. */
export interface PycomFaults {
  /** Somebody else has the session, and keeps it. */
  readonly busy?: 'ftp' | 'telnet';
  /** The address in the 227; where it is missing 192.168.4.1, the one of the access point, as in AP+STA mode. */
  readonly passiveAddress?: string;
  /** `closed`: nobody listens at the data port. `garbage`: the 227 holds no address. */
  readonly passive?: 'closed' | 'garbage';
  /** The 550 of a slot that cannot be erased. */
  readonly erase?: 'fails';
  /**
   * In the middle of the image, after so many bytes of it. `stalls`: it reads no further, and after its time-out says 426. `mute`: it reads no
   * further and says nothing. `ends`: it closes the data connection and says 226. `resets`: the data connection breaks, and it says
   * 226. `fails`: 451. `dies`: everything breaks, as when the power goes.
   */
  readonly upload?: {
    readonly atByte: number;
    readonly how: 'stalls' | 'mute' | 'ends' | 'resets' | 'fails' | 'dies';
    /** How many uploads, from the first on, have this fault. Default: all. */
    readonly uploads?: number;
  };
  /** What it says when it has the whole image: nothing, or the connection goes. */
  readonly result?: 'silent' | 'lost';
  /**
   * `ignored`: another prompt, and no reset. `no-prompt`: the script is deaf to Ctrl-C. `telnet-gone`: telnet is off once the upload is done.
   * `dead`: it resets, and the connection is dead without a word, as on real devices.
   */
  readonly reset?: 'ignored' | 'no-prompt' | 'telnet-gone' | 'dead';
  /** After the reset. `old`: the boot record got lost. `rejected`: the boot loader finds the image wrong. `never`: not seen again. */
  readonly comeback?: 'old' | 'rejected' | 'never';
  /** Telnet is off from the beginning. */
  readonly telnet?: 'off';
}

/** What a device does that a client must not make it do, and what it did. */
export interface PycomCounts {
  /** Commands that would have overflowed the device's buffers, came in pieces, or came together. */
  readonly violations: string[];
  ftpSessions: number;
  telnetSessions: number;
  uploadsBegun: number;
  uploadsFinished: number;
  /** Of images, over all uploads. */
  bytesReceived: number;
  resets: number;
}

/** What the servers of one device share. */
export interface PycomHost {
  readonly spec: PycomSpec;
  readonly timings: PycomTimings;
  readonly clock: Clock;
  readonly counts: PycomCounts;
  readonly address: string;
  /** What telnet greets with. */
  readonly banner: () => string;
}
