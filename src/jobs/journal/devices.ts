import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Device } from '../../model/device.ts';
import type { ImageTarget } from '../../model/job.ts';
import type { Proof } from '../../model/proof.ts';
import { integer, json, type Row, text } from './row.ts';

/** The images of each device that are remembered as proven, the one that it runs included: what it could be taken back to. */
const PROVEN_IMAGES_KEPT = 4;

/** What a device is known to hold. */
export interface HeldImage {
  readonly image: string;
  readonly proof: Proof;
  readonly atMs: number;
}

/** What a device has said of its version. */
export interface SaidVersion {
  readonly version: string;
  readonly atMs: number;
}

/** The devices that discovery has met, and what each was given. */
export class DeviceTable {
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #all: StatementSync;
  readonly #hold: StatementSync;
  readonly #held: StatementSync;
  readonly #drop: StatementSync;
  readonly #prove: StatementSync;
  readonly #forgetProven: StatementSync;
  readonly #proven: StatementSync;
  readonly #forgetAccepted: StatementSync;
  readonly #say: StatementSync;
  readonly #said: StatementSync;

  constructor(database: DatabaseSync) {
    this.#put = database.prepare(
      'INSERT INTO devices (id, device) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET device = excluded.device',
    );
    this.#remove = database.prepare('DELETE FROM devices WHERE id = ?');
    this.#all = database.prepare('SELECT device FROM devices ORDER BY id');
    this.#hold = database.prepare(
      `INSERT INTO device_images (device, target, image, proof, at_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (device, target) DO UPDATE SET image = excluded.image, proof = excluded.proof, at_ms = excluded.at_ms`,
    );
    this.#held = database.prepare(
      `SELECT * FROM device_images WHERE device IN (SELECT value FROM json_each(?)) AND target = ?
       ORDER BY at_ms DESC LIMIT 1`,
    );
    this.#forgetAccepted = database.prepare(
      `DELETE FROM device_images
       WHERE device IN (SELECT value FROM json_each(?)) AND target = ? AND image = ? AND proof = 'accepted'`,
    );
    this.#drop = database.prepare(
      'DELETE FROM device_images WHERE device IN (SELECT value FROM json_each(?)) AND target = ?',
    );
    this.#say = database.prepare(
      `INSERT INTO said_versions (device, version, at_ms) VALUES (?, ?, ?)
       ON CONFLICT (device) DO UPDATE SET version = excluded.version, at_ms = excluded.at_ms`,
    );
    this.#said = database.prepare(
      `SELECT * FROM said_versions WHERE device IN (SELECT value FROM json_each(?)) ORDER BY at_ms DESC LIMIT 1`,
    );
    this.#prove = database.prepare(
      'INSERT INTO proven_images (device, target, image, proof, at_ms) VALUES (?, ?, ?, ?, ?)',
    );
    this.#forgetProven = database.prepare(
      `DELETE FROM proven_images WHERE device = $device AND target = $target AND rowid NOT IN (
         SELECT MAX(rowid) AS last FROM proven_images WHERE device = $device AND target = $target
         GROUP BY image ORDER BY last DESC LIMIT ${PROVEN_IMAGES_KEPT})`,
    );
    this.#proven = database.prepare(
      `SELECT * FROM proven_images WHERE device IN (SELECT value FROM json_each(?)) AND target = ? AND image <> ?
       ORDER BY rowid DESC LIMIT 1`,
    );
  }

  put(device: Device): void {
    this.#put.run(device.id, JSON.stringify(device));
  }

  /** What the device was given is kept: its new id finds it by this one. */
  remove(id: string): void {
    this.#remove.run(id);
  }

  all(): readonly Device[] {
    return this.#all.all().map((row) => json<Device>(row, 'device'));
  }

  /** The device took this image, with this proof. */
  holds(deviceId: string, target: ImageTarget, image: string, proof: Proof, atMs: number): void {
    this.#hold.run(deviceId, target, image, proof, atMs);
    if (proof === 'sent' || proof === 'accepted') return;
    this.#prove.run(deviceId, target, image, proof, atMs);
    this.#forgetProven.run({ device: deviceId, target });
  }

  /** The device went back from `image` by itself: it holds what it was last proven to run before, or nothing that is known. */
  wentBack(deviceIds: readonly string[], target: ImageTarget, image: string): void {
    const before = this.provenBefore(deviceIds, target, image);
    this.#drop.run(JSON.stringify(deviceIds), target);
    const [id] = deviceIds;
    if (before !== null && id !== undefined) this.#hold.run(id, target, before.image, before.proof, before.atMs);
  }

  /** The last image other than `image` that the device was proven to run. */
  provenBefore(deviceIds: readonly string[], target: ImageTarget, image: string): HeldImage | null {
    const row = this.#proven.get(JSON.stringify(deviceIds), target, image);
    return row === undefined ? null : heldOf(row);
  }

  /** That the device accepted this image counts no more; that it came back with it would. */
  forgetAccepted(deviceIds: readonly string[], target: ImageTarget, image: string): void {
    this.#forgetAccepted.run(JSON.stringify(deviceIds), target, image);
  }

  /** The device was asked and gave this as its version. */
  says(deviceId: string, version: string, atMs: number): void {
    this.#say.run(deviceId, version, atMs);
  }

  /** What it gave when it was last asked, under any of its ids; null: nothing ever. */
  said(deviceIds: readonly string[]): SaidVersion | null {
    const row = this.#said.get(JSON.stringify(deviceIds));
    return row === undefined ? null : { version: text(row, 'version'), atMs: integer(row, 'at_ms') };
  }

  /** The last one that it took, under any of its ids. */
  held(deviceIds: readonly string[], target: ImageTarget): HeldImage | null {
    const row = this.#held.get(JSON.stringify(deviceIds), target);
    return row === undefined ? null : heldOf(row);
  }
}

function heldOf(row: Row): HeldImage {
  return { image: text(row, 'image'), proof: text(row, 'proof') as Proof, atMs: integer(row, 'at_ms') };
}
