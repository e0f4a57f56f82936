import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Device } from '../../model/device.ts';
import type { ImageTarget } from '../../model/job.ts';
import type { Proof } from '../../model/proof.ts';
import { integer, json, type Row, text } from './row.ts';

/** What a device is known to hold. */
export interface HeldImage {
  readonly image: string;
  readonly proof: Proof;
  readonly atMs: number;
}

/** The devices that discovery has met, and what each was given. */
export class DeviceTable {
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #all: StatementSync;
  readonly #hold: StatementSync;
  readonly #held: StatementSync;
  readonly #forgetAccepted: StatementSync;

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
  }

  /** That the device accepted this image counts no more; that it came back with it would. */
  forgetAccepted(deviceIds: readonly string[], target: ImageTarget, image: string): void {
    this.#forgetAccepted.run(JSON.stringify(deviceIds), target, image);
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
