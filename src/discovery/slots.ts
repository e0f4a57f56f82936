import { isDeepStrictEqual } from 'node:util';
import type { Device, UsbSighting } from '../model/device.ts';
import type { RegistryEvent } from './registry-event.ts';

/**
 * Fixture positions: the ports that boards come and go on. A slot is a device of its own, never joined with one of the network: the next
 * board on it is another thing, and the slot stays what rules and records speak of.
 */
export class SlotBook {
  readonly #slots = new Map<string, Device>();

  list(): Device[] {
    return [...this.#slots.values()];
  }

  get(id: string): Device | null {
    return this.#slots.get(id) ?? null;
  }

  /** One that the journal kept: nothing is on it until it is seen. */
  restore(device: Device): void {
    this.#slots.set(device.id, { ...device, presence: 'away' });
  }

  seen({ slot, port, mac, atMs }: UsbSighting): readonly RegistryEvent[] {
    const before = this.#slots.get(slot);
    const device: Device = {
      ...(before ?? newSlot(slot, atMs)),
      serial: port,
      mac,
      presence: 'present',
      lastSeenMs: atMs,
    };
    this.#slots.set(slot, device);
    const isChanged = !isDeepStrictEqual({ ...before, lastSeenMs: atMs }, device);
    const events: RegistryEvent[] = isChanged ? [{ kind: 'changed', device }] : [];
    return [...events, { kind: 'seen', device, why: whySeen(before, device) }];
  }

  lost(slot: string): readonly RegistryEvent[] {
    const before = this.#slots.get(slot);
    if (before?.presence !== 'present') return [];
    const device: Device = { ...before, presence: 'away' };
    this.#slots.set(slot, device);
    return [
      { kind: 'changed', device },
      { kind: 'lost', device, reason: 'unplugged' },
    ];
  }
}

function newSlot(slot: string, atMs: number): Device {
  return {
    id: slot,
    keys: [slot],
    name: slot,
    address: null,
    port: null,
    serial: null,
    mac: null,
    services: [],
    board: null,
    txt: {},
    chip: null,
    protocol: null,
    tags: [],
    presence: 'away',
    firstSeenMs: atMs,
    lastSeenMs: null,
  };
}

function whySeen(before: Device | undefined, { serial }: Device): 'new' | 'back' | 'moved' {
  if (before === undefined) return 'new';
  return before.presence === 'present' && before.serial?.path !== serial?.path ? 'moved' : 'back';
}
