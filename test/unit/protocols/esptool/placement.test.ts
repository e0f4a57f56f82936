import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../../src/firmware/dossier.ts';
import type { Partition } from '../../../../src/model/image.ts';
import {
  type Board,
  type BoardTable,
  type ImageToPlace,
  placeImages,
} from '../../../../src/protocols/esptool/placement.ts';
import { noise } from '../../../fixtures/images/bytes.ts';
import {
  ARDUINO_ROWS,
  buildEsp32App,
  buildEsp32Bootloader,
  buildEsp8266App,
  buildEsp8266V2,
  buildLittleFs,
  buildMerged,
  buildOtadata,
  buildPartitionTable,
  type PartitionRow,
} from '../../../fixtures/images.ts';

const MEGABYTE = 0x100000;
const FACTORY_ROWS: readonly PartitionRow[] = [
  { label: 'nvs', type: 1, subtype: 2, offset: 0x9000, sizeBytes: 0x6000 },
  { label: 'factory', type: 0, subtype: 0, offset: 0x10000, sizeBytes: MEGABYTE },
];
const FACTORY_AND_OTA_ROWS: readonly PartitionRow[] = [
  ...ARDUINO_ROWS.slice(0, 2),
  { label: 'factory', type: 0, subtype: 0, offset: 0x10000, sizeBytes: 0x100000 },
  { label: 'ota_0', type: 0, subtype: 0x10, offset: 0x110000, sizeBytes: 0x100000 },
  { label: 'ota_1', type: 0, subtype: 0x11, offset: 0x210000, sizeBytes: 0x100000 },
];

function image(bytes: Uint8Array, offset: number | 'auto' = 'auto', name = 'image.bin'): ImageToPlace {
  return { name, bytes, dossier: readDossier(bytes, name), offset };
}

function partitions(rows: readonly PartitionRow[]): Partition[] {
  return rows.map((row) => ({ ...row, isEncrypted: false, isReadOnly: false }));
}

function table(rows: readonly PartitionRow[] = ARDUINO_ROWS, otadata: Uint8Array | null = erased()): BoardTable {
  return { offset: 0x8000, partitions: partitions(rows), otadata };
}

function erased(): Uint8Array {
  return new Uint8Array(0x2000).fill(0xff);
}

/** otadata whose only record has this state (`esp_ota_img_states_t`). */
function otadata(sequence: number, state = 0xffffffff): Uint8Array {
  const bytes = Buffer.from(buildOtadata(sequence));
  bytes.writeUInt32LE(state, 24);
  return bytes;
}

function board(over: Partial<Board> = {}): Board {
  return { chip: 'esp32', flashSizeBytes: 4 * MEGABYTE, table: null, ...over };
}

const app = buildEsp32App();

function places(images: readonly ImageToPlace[], on: Board): [name: string, offset: number][] {
  return placeImages(images, on).map(({ name, offset }) => [name, offset]);
}

function refusal(code: string) {
  return expect.objectContaining({ code });
}

describe('an application', () => {
  it('goes to the only application partition', () => {
    expect(places([image(app)], board({ table: table(FACTORY_ROWS) }))).toEqual([['image.bin', 0x10000]]);
  });

  it('goes to the slot that starts', () => {
    expect(places([image(app)], board({ table: table(ARDUINO_ROWS, otadata(1)) }))).toEqual([['image.bin', 0x10000]]);
    expect(places([image(app)], board({ table: table(ARDUINO_ROWS, otadata(2)) }))).toEqual([['image.bin', 0x150000]]);
    expect(places([image(app)], board({ table: table(ARDUINO_ROWS, otadata(5)) }))).toEqual([['image.bin', 0x10000]]);
    expect(places([image(app)], board({ table: table() }))).toEqual([['image.bin', 0x10000]]);
    expect(places([image(app)], board({ table: table(FACTORY_AND_OTA_ROWS) }))).toEqual([['image.bin', 0x10000]]);
  });

  it.each([
    ['new', 0],
    ['on trial', 1],
  ])('goes to the default where the chosen slot is %s, which would be rolled back', (_name, state) => {
    const placements = placeImages([image(app)], board({ table: table(ARDUINO_ROWS, otadata(2, state)) }));
    expect(placements.map(({ offset }) => offset)).toEqual([0x10000, 0xe000]);
    expect(placements[1]?.bytes).toEqual(erased());
  });

  it('passes over a slot that the bootloader gave up', () => {
    expect(places([image(app)], board({ table: table(ARDUINO_ROWS, otadata(2, 4)) }))).toEqual([
      ['image.bin', 0x10000],
    ]);
  });

  it('starts even where it was put into a slot that does not', () => {
    const [, change] = placeImages([image(app, 0x150000)], board({ table: table() }));
    expect(change).toMatchObject({ offset: 0xe000, reason: expect.stringContaining('app1') });
    expect(Buffer.from(buildOtadata(2)).equals(change?.bytes ?? Buffer.of())).toBe(true);
  });

  it('gets otadata erased where its contents are not known', () => {
    const unknown = board({ table: table(ARDUINO_ROWS, null) });
    expect(places([image(app)], unknown)).toEqual([
      ['image.bin', 0x10000],
      ['otadata', 0xe000],
    ]);
  });

  it('is refused without a partition table, and at a place that is no application partition', () => {
    expect(() => placeImages([image(app)], board())).toThrow(refusal('SERIAL_NO_PLACE'));
    for (const offset of [0, 0x1000, 0x8000, 0x9000, 0x20000, 0x290000]) {
      expect(() => placeImages([image(app, offset)], board({ table: table() }))).toThrow(refusal('SERIAL_WRONG_PLACE'));
    }
    const noApp = table(ARDUINO_ROWS.slice(0, 2));
    expect(() => placeImages([image(app)], board({ table: noApp }))).toThrow(refusal('SERIAL_NO_PLACE'));
  });

  it('is refused where it does not fit its partition', () => {
    const small = [{ label: 'factory', type: 0, subtype: 0, offset: 0x10000, sizeBytes: 0x1000 }];
    const large = buildEsp32App({ sizeBytes: 8_000 });
    expect(() => placeImages([image(large)], board({ table: table(small) }))).toThrow(refusal('SERIAL_NO_SPACE'));
  });
});

describe('a whole set of files', () => {
  const bootloader = image(buildEsp32Bootloader(), 'auto', 'bootloader.bin');
  const rows = image(buildPartitionTable(), 'auto', 'partitions.bin');

  it('brings its own partition table, whatever the chip has', () => {
    const old = table(FACTORY_ROWS, null);
    const set = [bootloader, rows, image(buildOtadata(2), 'auto', 'boot_app0.bin'), image(app, 'auto', 'firmware.bin')];
    expect(places(set, board({ table: old }))).toEqual([
      ['bootloader.bin', 0x1000],
      ['partitions.bin', 0x8000],
      ['boot_app0.bin', 0xe000],
      ['firmware.bin', 0x150000],
    ]);
  });

  it('gets otadata erased where it has none: what is on the chip belongs to another table', () => {
    expect(places([rows, image(app, 'auto', 'firmware.bin')], board())).toEqual([
      ['partitions.bin', 0x8000],
      ['firmware.bin', 0x10000],
      ['otadata', 0xe000],
    ]);
  });

  it('is refused where two share a sector', () => {
    const longer = image(buildEsp32Bootloader({ sizeBytes: 0x7100 }), 'auto', 'bootloader.bin');
    expect(() => placeImages([longer, rows], board())).toThrow(refusal('SERIAL_OVERLAP'));
    const twice = [image(app), image(buildEsp32App({ seed: 5 }))];
    expect(() => placeImages(twice, board({ table: table() }))).toThrow(refusal('SERIAL_OVERLAP'));
  });

  it('is refused where its partitions end behind the flash', () => {
    expect(() => placeImages([rows], board({ flashSizeBytes: 2 * MEGABYTE }))).toThrow(refusal('SERIAL_NO_SPACE'));
  });

  it('puts the table where the chip has it', () => {
    expect(places([rows], board({ table: { ...table(), offset: 0x9000 } }))).toEqual([['partitions.bin', 0x9000]]);
  });
});

describe('images with a place of their own', () => {
  it.each([
    ['esp32', 0x1000],
    ['esp32c3', 0],
    ['esp32p4', 0x2000],
  ] as const)('the bootloader of an %s goes to %i, and nowhere else', (chip, offset) => {
    const bytes = buildEsp32Bootloader({ chip });
    expect(places([image(bytes)], board({ chip }))).toEqual([['image.bin', offset]]);
    expect(places([image(bytes, offset)], board({ chip }))).toEqual([['image.bin', offset]]);
    expect(() => placeImages([image(bytes, 0x4000)], board({ chip }))).toThrow(refusal('SERIAL_WRONG_PLACE'));
  });

  it('a factory image goes to where its first byte belongs', () => {
    expect(places([image(buildMerged())], board())).toEqual([['image.bin', 0]]);
    expect(places([image(buildMerged({ startsAt: 0x1000 }))], board())).toEqual([['image.bin', 0x1000]]);
    expect(() => placeImages([image(buildMerged(), 0x10000)], board())).toThrow(refusal('SERIAL_WRONG_PLACE'));
  });

  it('a sketch for the ESP8266 goes to 0', () => {
    const esp8266 = board({ chip: 'esp8266' });
    expect(places([image(buildEsp8266App())], esp8266)).toEqual([['image.bin', 0]]);
    expect(() => placeImages([image(buildEsp8266App(), 0x1000)], esp8266)).toThrow(refusal('SERIAL_WRONG_PLACE'));
    expect(() => placeImages([image(buildEsp8266V2())], esp8266)).toThrow(refusal('SERIAL_NO_PLACE'));
    expect(places([image(buildEsp8266V2(), 0x1000)], esp8266)).toEqual([['image.bin', 0x1000]]);
  });
});

describe('data', () => {
  const data = noise(0x1000, 3);

  it('a filesystem goes to its partition', () => {
    expect(places([image(buildLittleFs())], board({ table: table() }))).toEqual([['image.bin', 0x290000]]);
    expect(() => placeImages([image(buildLittleFs())], board())).toThrow(refusal('SERIAL_NO_PLACE'));
  });

  it('a filesystem is refused where two partitions are of its kind', () => {
    const two = [
      ...ARDUINO_ROWS.slice(0, 4),
      ...[0x290000, 0x300000].map((offset, index) => ({
        label: `fs${index}`,
        type: 1,
        subtype: 0x82,
        offset,
        sizeBytes: 0x10000,
      })),
    ];
    expect(() => placeImages([image(buildLittleFs())], board({ table: table(two) }))).toThrow(
      refusal('SERIAL_NO_PLACE'),
    );
  });

  it('needs an offset when nothing in it says where it belongs', () => {
    expect(() => placeImages([image(data)], board({ table: table() }))).toThrow(refusal('SERIAL_NO_PLACE'));
    expect(places([image(data, 0x9000)], board({ table: table() }))).toEqual([['image.bin', 0x9000]]);
  });

  it('never goes over what starts the board', () => {
    for (const offset of [0, 0x1000, 0x7000, 0x8000, 0x10000, 0x280000]) {
      expect(() => placeImages([image(data, offset)], board({ table: table() }))).toThrow(
        refusal('SERIAL_WRONG_PLACE'),
      );
    }
  });

  it('stays within its partition, on whole sectors, and within the flash', () => {
    const on = board({ table: table() });
    expect(() => placeImages([image(noise(0x6000, 4), 0x9000)], on)).toThrow(refusal('SERIAL_WRONG_PLACE'));
    expect(() => placeImages([image(data, 0x9100)], on)).toThrow(refusal('SERIAL_WRONG_PLACE'));
    expect(() => placeImages([image(data, 0x400000)], on)).toThrow(refusal('SERIAL_NO_SPACE'));
  });
});
