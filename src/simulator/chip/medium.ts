import type { ControlLines } from './reset-circuit.ts';

/** Where a host finds the board. */
export type PortAddress =
  | { readonly kind: 'memory' }
  /** A path that serial programs can open. */
  | { readonly kind: 'pty'; readonly path: string }
  | { readonly kind: 'tcp' | 'rfc2217'; readonly host: string; readonly port: number };

/** What a medium tells of the host. */
export interface HostListener {
  /** The host has opened the port. */
  opened(): void;
  received(bytes: Uint8Array): void;
  linesSet(lines: Partial<ControlLines>): void;
  baudRateSet(baudRate: number): void;
}

/** Carries bytes, and what else it can, between a host's program and the board. */
export interface Medium {
  readonly address: PortAddress;
  /** Whether DTR and RTS reach the board. */
  readonly hasLines: boolean;
  /** To the host; lost while nobody has the port open. */
  deliver(bytes: Uint8Array): void;
  /** The port disappears. */
  unplug(): Promise<void>;
  /** The port is there again, at the same address. */
  plug(): Promise<void>;
  /** For good. Safe to call twice. */
  close(): Promise<void>;
}
