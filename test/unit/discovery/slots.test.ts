import { describe, expect, it } from 'vitest';
import { type PortEntry, SlotBook } from '../../../src/discovery/slots.ts';
import type { UsbSighting } from '../../../src/model/device.ts';
import { entryOf } from './given.ts';

const USB = { vendorId: 0x10c4, productId: 0xea60, serialNumber: '0001', location: '1-1' };
const SEEN: UsbSighting = {
  via: 'usb',
  slot: 'usb:1-1',
  port: { path: '/dev/ttyUSB0', usb: USB },
  mac: null,
  atMs: 5,
};

function entry(name: string, serial: string, more: Partial<PortEntry> = {}): PortEntry {
  return { ...entryOf(name, more), serial };
}

/** As udev links it while it is plugged in. */
const BY_ID = '/dev/serial/by-id/usb-Silicon_Labs_CP2102_0001-if00-port0';
const listedPath = (path: string) => (path === BY_ID ? '/dev/ttyUSB0' : path);

const kindsOf = (events: readonly { readonly kind: string }[]) => events.map(({ kind }) => kind);

describe('slots and the fixed list', () => {
  it('a line for a socket names what is plugged in there, before and after', () => {
    const book = new SlotBook(listedPath);
    book.setFixed([entry('left', 'usb:1-1', { chip: 'esp32', tags: ['bench'] })], 1);
    expect(book.list()).toMatchObject([{ id: 'usb:1-1', name: 'left', presence: 'away', chip: 'esp32' }]);
    expect(kindsOf(book.seen(SEEN))).toEqual(['changed', 'seen']);
    const there = { id: 'usb:1-1', name: 'left', presence: 'present', tags: ['bench'], serial: { usb: USB } };
    expect(book.list()).toMatchObject([there]);
    book.setFixed([], 6);
    expect(book.list()).toMatchObject([{ id: 'usb:1-1', name: 'usb:1-1', chip: null, tags: [], presence: 'present' }]);
  });

  it('a line for a path stands for it, whether USB shows it or not', () => {
    const book = new SlotBook(listedPath);
    book.setFixed([entry('gate', '/dev/ttyUSB0'), entry('far', 'rfc2217://10.0.0.1:4000')], 1);
    expect(book.list()).toMatchObject([
      { id: 'fixed:gate', presence: 'unknown', serial: { path: '/dev/ttyUSB0', usb: null } },
      { id: 'fixed:far', presence: 'unknown', serial: { path: 'rfc2217://10.0.0.1:4000', usb: null } },
    ]);
    expect(book.seen(SEEN).at(-1)).toMatchObject({ kind: 'seen', why: 'new', device: { id: 'fixed:gate' } });
    expect(book.get('usb:1-1')).toBeNull();
    expect(kindsOf(book.lost('usb:1-1'))).toEqual(['changed', 'lost']);
    expect(book.get('fixed:gate')).toMatchObject({ presence: 'away', name: 'gate' });
  });

  it('a line takes over a slot that is there, and gives it back', () => {
    const book = new SlotBook(listedPath);
    book.seen(SEEN);
    const taken = book.setFixed([entry('gate', '/dev/ttyUSB0')], 6);
    expect(taken).toMatchObject([{ kind: 'removed', device: { id: 'usb:1-1' } }, { kind: 'changed' }]);
    expect(book.list()).toMatchObject([{ id: 'fixed:gate', presence: 'present', serial: { usb: USB } }]);
    const given = book.setFixed([], 7);
    expect(given).toMatchObject([{ kind: 'removed', device: { id: 'fixed:gate' } }, { kind: 'changed' }]);
    expect(book.list()).toMatchObject([{ id: 'usb:1-1', name: 'usb:1-1', presence: 'present' }]);
    expect(kindsOf(book.lost('usb:1-1'))).toEqual(['changed', 'lost']);
  });

  it('tells nothing where nothing has changed', () => {
    const book = new SlotBook(listedPath);
    const entries = [entry('gate', '/dev/ttyUSB0'), entry('left', 'usb:1-2')];
    book.setFixed(entries, 1);
    book.seen(SEEN);
    expect(book.setFixed(entries, 9)).toEqual([]);
    expect(kindsOf(book.seen({ ...SEEN, atMs: 10 }))).toEqual(['seen']);
  });

  it('a line for a link of udev is the device of the port that it leads to, and of no other', () => {
    const book = new SlotBook(listedPath);
    book.setFixed([entry('gate', BY_ID)], 1);
    expect(book.seen(SEEN).at(-1)).toMatchObject({ kind: 'seen', device: { id: 'fixed:gate', serial: { usb: USB } } });
    expect(book.list()).toHaveLength(1);
    const later = new SlotBook(listedPath);
    later.seen(SEEN);
    expect(kindsOf(later.setFixed([entry('gate', BY_ID)], 6))).toEqual(['removed', 'changed']);
    expect(later.list()).toMatchObject([{ id: 'fixed:gate', presence: 'present' }]);
  });

  it('a board is never two devices, whatever name its port gets', () => {
    const book = new SlotBook(listedPath);
    const elsewhere = { ...SEEN, port: { path: '/dev/ttyUSB1', usb: USB } };
    book.setFixed([entry('gate', '/dev/ttyUSB0')], 1);
    const there = () => book.list().flatMap(({ id, presence }) => (presence === 'present' ? [id] : []));
    book.seen(elsewhere);
    expect(there()).toEqual(['usb:1-1']);
    expect(kindsOf(book.seen(SEEN))).toEqual(['removed', 'changed', 'seen']);
    expect(there()).toEqual(['fixed:gate']);
    expect(kindsOf(book.seen(elsewhere))).toEqual(['changed', 'lost', 'changed', 'seen']);
    expect(there()).toEqual(['usb:1-1']);
    expect(book.get('fixed:gate')).toMatchObject({ presence: 'away' });
  });

  it('a line for the socket keeps its device while one for a path has the port', () => {
    const book = new SlotBook(listedPath);
    const entries = [entry('left', 'usb:1-1'), entry('gate', '/dev/ttyUSB0')];
    book.seen(SEEN);
    book.setFixed(entries, 6);
    book.seen(SEEN);
    expect(book.list().map(({ name, presence }) => [name, presence])).toEqual([
      ['left', 'away'],
      ['gate', 'present'],
    ]);
  });
});
