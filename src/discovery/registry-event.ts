import type { Device } from '../model/device.ts';
import type { LossReason } from './source.ts';

/** What the registry tells. `device` is the state after the event. */
export type RegistryEvent =
  /** It can be worked on now: never seen before, back from `away`, or at another address or port. */
  | { readonly kind: 'seen'; readonly device: Device; readonly why: 'new' | 'back' | 'moved' }
  /** A device that is `present` announced itself anew, as after a restart or waking up. */
  | { readonly kind: 'announced'; readonly device: Device }
  | { readonly kind: 'lost'; readonly device: Device; readonly reason: LossReason }
  /** Something worth keeping changed (not the time it was last seen). Comes before any other event of the same cause. */
  | { readonly kind: 'changed'; readonly device: Device }
  /** `fromId` turned out to be `device`. `get(fromId)` finds `device` from now on. */
  | { readonly kind: 'merged'; readonly device: Device; readonly fromId: string }
  /** An entry that nothing was ever seen of is no longer in the fixed list. */
  | { readonly kind: 'removed'; readonly device: Device };
