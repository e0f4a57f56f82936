/** How many of a rollout's devices. Shares are rounded down, but never to none. */
export interface Share {
  readonly unit: 'percent' | 'devices';
  readonly amount: number;
}

/** The devices that go first. */
export type Canary =
  | { readonly by: 'count'; readonly count: number }
  /** Names as the config or the network gives them; case does not count. */
  | { readonly by: 'names'; readonly names: readonly string[] };

/** The sizes of the waves, each with all devices of the earlier ones and the canaries. */
export type Waves =
  | { readonly by: 'list'; readonly sizes: readonly Share[] }
  /** Each wave brings `factor` times as many devices as the one before it; the first brings `start`. */
  | { readonly by: 'ramp'; readonly start: Share; readonly factor: number };

/** How many failed devices stop a rollout; null: that measure does not. */
export interface StopAt {
  readonly failures: number | null;
  /** Of the devices released so far. */
  readonly percent: number | null;
}

/** How a release reaches its devices step by step. Frozen when the release is made: a later config is for later releases. */
export interface RolloutSettings {
  readonly canary: Canary | null;
  readonly waves: Waves;
  /** How long nothing more is released after the last device of a wave has ended. */
  readonly soakMs: number;
  readonly stopAt: StopAt;
  /** After what a person is waited for. */
  readonly pauseAfter: 'canary' | 'each' | null;
}

const ROLLOUT_STATES = ['running', 'paused', 'finished', 'aborted'] as const;

/** One of the states above. */
export type RolloutState = (typeof ROLLOUT_STATES)[number];

/** Why a rollout stands still. */
export type PauseCause =
  /** `stop-at` was reached. */
  | 'failures'
  /** A wave ended without one device that is proven. */
  | 'no-proof'
  /** `pause-after` asks for a person. */
  | 'pause-after'
  | 'person';
