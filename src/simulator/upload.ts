import { type Clock, sleep } from '../clock.ts';
import type { DeviceConnection } from './connection.ts';
import type { CoreFacts, Timings } from './cores.ts';
import type { Faults } from './faults.ts';
import type { InstalledImage, Updater } from './updater.ts';

/** One upload as the device lives it, from the connect to the last word. */
export interface Upload {
  readonly clock: Clock;
  readonly timings: Timings;
  readonly faults: Faults;
  readonly updater: Updater;
  readonly connection: DeviceConnection;
  readonly signal: AbortSignal;
  readonly onBytes: (sizeBytes: number) => void;
}

const ESP32_READ_BYTES = 1460;
const ESP32_REPEATS = 3;
/** `delay(1)` between two looks at the input (Updater.h of the ESP8266, `write(T &data)`). */
const ESP8266_LOOK_MS = 1;
const ESP8266_READ_BYTES = 4096;

/** The transfer ended before the image did, by a fault. */
class Broken extends Error {}

/** Resolves with the image the device took, or null. Rejects only when the power goes. */
export async function receiveUpload(chip: CoreFacts['chip'], upload: Upload): Promise<InstalledImage | null> {
  if (upload.faults.endlessText !== undefined) {
    await upload.connection.flood(upload.faults.endlessText);
    return null;
  }
  try {
    if (upload.faults.transfer?.atByte === 0) await breakTransfer(upload);
    return chip === 'esp8266' ? await receiveOnEsp8266(upload) : await receiveOnEsp32(upload);
  } catch (cause) {
    if (cause instanceof Broken) return null;
    throw cause;
  }
}

/** esp8266/Arduino, ArduinoOTA.cpp, `_runUpdate()`. Its receive time-out never strikes: only a close ends the wait. */
async function receiveOnEsp8266(upload: Upload): Promise<InstalledImage | null> {
  const { clock, connection, faults, signal, timings, updater } = upload;
  while (!updater.isFinished && connection.isConnected) {
    await connection.waitForData(timings.receiveTimeoutMs);
    await connection.print(countText(faults, await drainInput(upload)));
  }
  const image = updater.end();
  if (image === null) {
    await connection.closeWith(updater.errorText);
    return null;
  }
  await sleep(clock, timings.beforeOkMs, signal);
  if (faults.okLost !== undefined) return loseOk(upload, image);
  await connection.print('OK');
  await sleep(clock, timings.afterOkMs, signal);
  await connection.closeWith('');
  return image;
}

/** Reads for as long as the input does not run dry: a host that never pauses gets one count at the very end. */
async function drainInput(upload: Upload): Promise<number> {
  const { clock, connection, signal, updater } = upload;
  let total = 0;
  while (!updater.isFinished && connection.available > 0) {
    total += await store(upload, Math.min(ESP8266_READ_BYTES, updater.remaining));
    await sleep(clock, ESP8266_LOOK_MS, signal);
  }
  return total;
}

/** arduino-esp32, ArduinoOTA.cpp, `_runUpdate()`. */
async function receiveOnEsp32(upload: Upload): Promise<InstalledImage | null> {
  const { connection, faults, updater } = upload;
  const lastCount = await readSegments(upload);
  if (lastCount === null) {
    await connection.closeWith('');
    return null;
  }
  const image = updater.end();
  if (image !== null && faults.okLost !== undefined) return loseOk(upload, image);
  // The last count and the result normally share a segment.
  await connection.closeWith(lastCount + (image === null ? updater.errorText : 'OK'));
  return image;
}

/** One count for each read; the last one is left to the caller. Null: starved, it gave up. */
async function readSegments(upload: Upload): Promise<string | null> {
  const { connection, faults, timings, updater } = upload;
  let count = '';
  let repeats = 0;
  while (!updater.isFinished && connection.isConnected) {
    if (await connection.waitForData(timings.receiveTimeoutMs)) {
      count = countText(faults, await store(upload, ESP32_READ_BYTES));
      repeats = 0;
      if (updater.isFinished) return count;
    } else {
      repeats += 1;
      if (count === '' || repeats > ESP32_REPEATS) return null;
    }
    await connection.print(count);
  }
  return '';
}

/** Nothing written, nothing said. */
function countText({ chatter }: Faults, written: number): string {
  return written > 0 ? (chatter ?? String(written)) : '';
}

async function loseOk({ connection, faults }: Upload, image: InstalledImage): Promise<InstalledImage> {
  if (faults.okLost === 'reset') connection.reset();
  else await connection.end();
  return image;
}

/** Reads what is there, `maxBytes` at most, and writes it to the flash. Breaks the transfer where a fault says so. */
async function store(upload: Upload, maxBytes: number): Promise<number> {
  const { clock, connection, faults, onBytes, signal, timings, updater } = upload;
  const breakAt = faults.transfer?.atByte ?? Number.POSITIVE_INFINITY;
  const bytes = connection.read(Math.min(maxBytes, breakAt - updater.taken));
  onBytes(bytes.length);
  const { written, sectors } = updater.write(bytes);
  if (sectors > 0 && timings.sectorMs > 0) await sleep(clock, sectors * timings.sectorMs, signal);
  if (updater.taken === breakAt) await breakTransfer(upload);
  return written;
}

async function breakTransfer({ connection, faults }: Upload): Promise<never> {
  if (faults.transfer?.how === 'reset') connection.reset();
  if (faults.transfer?.how === 'hang') await connection.waitForEnd();
  await connection.end();
  throw new Broken();
}
