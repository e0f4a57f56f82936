import { FlashError } from '../../errors.ts';
import type { Device, SerialPortFacts } from '../../model/device.ts';
import type { StoredImage } from '../../model/image.ts';
import type { Acceptance, FlashReport, FlashRequest } from '../protocol.ts';
import { readOptions } from './options.ts';
import type { PreparedImages } from './prepared-image.ts';
import { ChipSession } from './session.ts';
import { writeImages } from './write-images.ts';

/** Whether a port can take this image at all; where it belongs is decided when the chip has been asked. */
export function acceptsSerial({ serial, name }: Device, { dossier }: StoredImage): Acceptance {
  if (serial === null) return { accepted: false, reason: `${name} is not reached over a serial port` };
  if (dossier.container !== 'none' && dossier.kind !== 'package') {
    return { accepted: false, reason: `it is compressed (${dossier.container}); a chip is written the image inside` };
  }
  return { accepted: true };
}

/**
 * One attempt over a serial port.
 *
 * `commit` is never announced. It exists so that nobody sends blindly a second time what a device may have taken; here the second time
 * reads the chip's MD5 first and finds out, and an image of which half is there has to be written again anyway. So an attempt
 * that was cut off at any point may simply be repeated. A stop is obeyed between two blocks, and after the last one the reset is still done.
 *
 * @throws FlashError; the signal's reason
 */
export async function flashSerial(
  request: FlashRequest,
  signal: AbortSignal,
  prepared: PreparedImages,
): Promise<FlashReport> {
  const { image, observer, links, clock, log } = request;
  const startMs = clock.monotonic();
  signal.throwIfAborted();
  const port = portOf(request);
  const options = readOptions(request.options);
  observer.onStep('prepare');
  // Compressing goes on while the chip is reset and the stub is on its way; a failure shows where the result is used.
  if (image.dossier.kind !== 'package') prepared.prepare(image.bytes, true).catch(() => undefined);
  const session = await ChipSession.open({ ...options, port, links, clock, log, signal });
  try {
    const written = await writeImages(session, {
      images: [{ ...image, offset: options.offset }],
      options,
      prepared,
      onBegin: () => observer.onStep('write'),
      onProgress: (writtenBytes, totalBytes) => observer.onProgress(writtenBytes, totalBytes),
    });
    if (!(await session.run())) log.warn('serial.not-reset', { port: port.path });
    const isVerified = written.every((one) => one.isVerified);
    return {
      proof: isVerified ? 'accepted' : 'sent',
      sentBytes: image.bytes.length,
      elapsedMs: clock.monotonic() - startMs,
    };
  } finally {
    await session.close();
  }
}

function portOf({ device, image }: FlashRequest): SerialPortFacts {
  const acceptance = acceptsSerial(device, image);
  const reason = acceptance.accepted ? 'no port' : acceptance.reason;
  if (!acceptance.accepted || device.serial === null) throw new FlashError('SERIAL_NO_PLACE', reason);
  return device.serial;
}
