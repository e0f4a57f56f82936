import { isDeepStrictEqual } from 'node:util';
import type { Device, FixedDevice, UsbSighting } from '../model/device.ts';
import { fixedKey } from './identity.ts';
import type { RegistryEvent } from './registry-event.ts';

/** A line of the fixed list that is about a port. */
export type PortEntry = FixedDevice & { readonly serial: string };

/** Whether a line of the fixed list is about a port. */
export function isPortEntry(entry: FixedDevice): entry is PortEntry {
  return entry.serial !== null;
}

/**
 * Fixture positions: the ports that boards come and go on. A slot is a device of its own, never joined with one of the network: the next
 * board on it is another thing, and the slot stays what rules and records speak of. A line of the fixed list names a slot, or a port that
 * goes by its path, whatever is found there.
 */
export class SlotBook {
  readonly #slots = new Map<string, Device>();
  /** Slots whose port a line of the fixed list has by its path → the device that stands for it. */
  readonly #taken = new Map<string, string>();
  readonly #listedPath: (path: string) => string;
  #entries: readonly PortEntry[] = [];

  /** @param listedPath under which name the system lists the port that has this one too, such as a link of udev */
  constructor(listedPath: (path: string) => string) {
    this.#listedPath = listedPath;
  }

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

  /** Replaces the lines of the fixed list that are about ports. */
  setFixed(entries: readonly PortEntry[], atMs: number): readonly RegistryEvent[] {
    this.#entries = entries;
    const kept = new Set(entries.map(({ name }) => fixedKey(name)));
    const gone = this.list().filter(({ id }) => isFixed(id) && !kept.has(id));
    return [
      ...gone.flatMap((device) => this.#release(device)),
      ...this.list().flatMap((device) => this.#put(device)),
      ...entries.flatMap((entry) => this.#placeholder(entry, atMs)),
    ];
  }

  seen({ slot, port, mac, atMs }: UsbSighting): readonly RegistryEvent[] {
    const formerId = this.#taken.get(slot) ?? slot;
    const id = this.#idFor(slot, port.path);
    const left = formerId === id ? [] : this.#leave(formerId);
    const before = this.#slots.get(id);
    const presence = 'present';
    const events = this.#put({ ...(before ?? newSlot(id, atMs)), serial: port, mac, presence, lastSeenMs: atMs });
    const device = this.#slots.get(id);
    return [...left, ...events, ...(device ? [{ kind: 'seen', device, why: whySeen(before, device) } as const] : [])];
  }

  lost(slot: string): readonly RegistryEvent[] {
    return this.#goAway(this.#taken.get(slot) ?? slot);
  }

  #goAway(id: string): readonly RegistryEvent[] {
    const before = this.#slots.get(id);
    if (before?.presence !== 'present') return [];
    const device: Device = { ...before, presence: 'away' };
    return [...this.#put(device), { kind: 'lost', device, reason: 'unplugged' }];
  }

  /** Another device stands for its port now: one board is never two. */
  #leave(id: string): readonly RegistryEvent[] {
    const device = this.#slots.get(id);
    if (device === undefined || this.#entryOf(id) !== undefined) return this.#goAway(id);
    this.#slots.delete(id);
    return [{ kind: 'removed', device }];
  }

  /** Which device stands for the port: the line of the fixed list that has its path, else the slot itself. */
  #idFor(slot: string, path: string): string {
    const entry = this.#entries.find(({ serial }) => this.#isPathOf(serial, path));
    if (entry === undefined) {
      this.#taken.delete(slot);
      return slot;
    }
    const id = fixedKey(entry.name);
    this.#taken.set(slot, id);
    return id;
  }

  /** The line is gone from the fixed list: what is plugged in there is a slot again. */
  #release(device: Device): readonly RegistryEvent[] {
    this.#slots.delete(device.id);
    const [slot] = [...this.#taken].find(([, id]) => id === device.id) ?? [];
    if (slot === undefined) return [{ kind: 'removed', device }];
    this.#taken.delete(slot);
    return [{ kind: 'removed', device }, ...this.#put({ ...device, id: slot, keys: [slot] })];
  }

  /** A device for a line of the fixed list that none stands for yet. */
  #placeholder(entry: PortEntry, atMs: number): readonly RegistryEvent[] {
    const { serial } = entry;
    if (isSlotId(serial)) return this.#slots.has(serial) ? [] : this.#put(newSlot(serial, atMs));
    const id = fixedKey(entry.name);
    const known = this.#slots.get(id);
    const seen =
      known?.presence === 'present'
        ? undefined
        : this.list().find((slot) => this.#isPathOf(serial, slot.serial?.path) && !isFixed(slot.id));
    if (seen === undefined) {
      const device = known ?? newSlot(id, atMs);
      // A port without USB never announces itself: the attempt tells whether somebody is there.
      const presence = device.presence === 'present' ? 'present' : 'unknown';
      return this.#put({ ...device, serial: device.serial ?? { path: serial, usb: null }, presence });
    }
    this.#taken.set(seen.id, id);
    return [...this.#leave(seen.id), ...this.#put({ ...seen, id, keys: [id] })];
  }

  /** Takes a device in, with what a person says of it. */
  #put(device: Device): readonly RegistryEvent[] {
    const entry = this.#entryOf(device.id);
    const { name = device.id, chip = null, protocol = null, tags = [] } = entry ?? {};
    const next: Device = { ...device, name, chip, protocol, tags };
    const before = this.#slots.get(device.id);
    this.#slots.set(device.id, next);
    const isNews = !isDeepStrictEqual({ ...before, lastSeenMs: null }, { ...next, lastSeenMs: null });
    return isNews ? [{ kind: 'changed', device: next }] : [];
  }

  #entryOf(id: string): PortEntry | undefined {
    return this.#entries.find(({ name, serial }) => serial === id || fixedKey(name) === id);
  }

  #isPathOf(serial: string, path: string | undefined): boolean {
    return serial === path || this.#listedPath(serial) === path;
  }
}

/** Whether this names a place where boards come and go, as `slotOf` writes it (serial-ports/slot.ts). */
export function isSlotId(text: string): boolean {
  return /^(usb|usb-serial|port):/.test(text);
}

function isFixed(id: string): boolean {
  return id.startsWith('fixed:');
}

function newSlot(id: string, atMs: number): Device {
  return {
    id,
    keys: [id],
    name: id,
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
  if (before === undefined || before.lastSeenMs === null) return 'new';
  return before.presence === 'present' && before.serial?.path !== serial?.path ? 'moved' : 'back';
}
