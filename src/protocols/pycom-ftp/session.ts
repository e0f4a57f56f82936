import { isIPv6 } from 'node:net';
import { FlashError } from '../../errors.ts';
import type { Device } from '../../model/device.ts';
import type { FlashReport, FlashRequest } from '../protocol.ts';
import { acceptsStoredImage, throwUnlessFits } from './acceptance.ts';
import { FTP_PORT, IMAGE_PATH } from './constants.ts';
import type { Conversation } from './conversation.ts';
import { openFtp } from './ftp.ts';
import { type Identity, keepsFirstLength } from './identity.ts';
import { readOptions } from './options.ts';
import { openTelnet, type TelnetShell } from './telnet.ts';
import { upload } from './upload.ts';

/**
 * One update: ask the device what it is, send the image into its other slot, reset it. Whether it then runs the image is for the caller
 * to see: the boot loader goes back to the old one without a word.
 *
 * @throws FlashError; before `commit` also the signal's reason, as soon as it is aborted
 */
export async function flashPycom(request: FlashRequest, signal: AbortSignal): Promise<FlashReport> {
  const { clock, image, observer } = request;
  const startMs = clock.monotonic();
  signal.throwIfAborted();
  const { links, log } = request;
  const options = readOptions(request.options);
  const conversation: Conversation = { ...placeFor(request), options, links, clock, log, signal };
  observer.onStep('prepare');
  const before = await greetingOf(conversation);
  throwUnlessFits(image, before.identity, options);

  const control = await openFtp(conversation);
  try {
    observer.onStep('write');
    const path = IMAGE_PATH[image.dossier.format === 'cc3200' ? 'cc3200' : 'esp32'];
    const isOnlyChance = keepsFirstLength(before.identity, image.dossier.md5Tail !== null);
    await upload({ conversation, control, bytes: image.bytes, path, isOnlyChance, observer });
    await control.quit();
  } finally {
    control.destroy();
  }
  const isReset = options.reset === 'telnet';
  if (isReset) await reset({ ...conversation, signal: undefined }, image.bytes.length);
  return {
    proof: isReset ? 'accepted' : 'sent',
    sentBytes: image.bytes.length,
    elapsedMs: clock.monotonic() - startMs,
    versionBefore: before.greeting,
  };
}

function placeFor({ device, image }: FlashRequest): Pick<Conversation, 'address' | 'port'> {
  const acceptance = acceptsStoredImage(device, image);
  if (!acceptance.accepted) throw new FlashError('IMAGE_NOT_OTA', acceptance.reason, { step: 'prepare' });
  return placeOf(device);
}

/** @throws FlashError LINK_UNKNOWN_HOST where the device has no IPv4 address */
export function placeOf(device: Device): Pick<Conversation, 'address' | 'port'> {
  const { address, port, name } = device;
  if (address === null || isIPv6(address)) {
    const message = `${name} has no IPv4 address (${address ?? 'none'})`;
    throw new FlashError('LINK_UNKNOWN_HOST', message, { step: 'prepare' });
  }
  return { address, port: port ?? FTP_PORT };
}

interface Before {
  readonly greeting: string | null;
  readonly identity: Identity;
}

/**
 * What the device runs now. A login that will be needed for the reset is tried before a byte is sent. Without a reset telnet may be off:
 * then nothing is known of the device, and the guards take the worst for granted.
 */
async function greetingOf(conversation: Conversation): Promise<Before> {
  const { greetingWithinMs, reset } = conversation.options;
  const mayBeOff = reset === 'none';
  let shell: TelnetShell;
  try {
    shell = await openTelnet(conversation, { refusedForMs: mayBeOff ? 0 : greetingWithinMs, logsIn: !mayBeOff });
  } catch (error) {
    if (mayBeOff && error instanceof FlashError && error.code === 'PYCOM_NO_TELNET')
      return { greeting: null, identity: null };
    throw error;
  }
  shell.close();
  const { greeting, identity } = shell;
  if (identity !== null) return { greeting, identity };
  const message = `the telnet server there greets with ${JSON.stringify(greeting.slice(0, 200))}, which is no MicroPython`;
  throw new FlashError('PYCOM_WRONG_SERVER', message, { step: 'prepare' });
}

/** The image is in its slot and will be started at the next reset, whoever makes it: so nothing here is tried twice from the beginning. */
async function reset(conversation: Conversation, sentBytes: number): Promise<void> {
  try {
    const shell = await openTelnet(conversation, { refusedForMs: conversation.options.greetingWithinMs, logsIn: true });
    try {
      await shell.reset();
    } finally {
      shell.close();
    }
  } catch (error) {
    if (!(error instanceof FlashError)) throw error;
    const message = `the device has the whole image and was not reset: ${error.message}`;
    throw new FlashError('PYCOM_NOT_RESET', message, {
      cause: error,
      step: 'commit',
      details: { sentBytes, totalBytes: sentBytes },
    });
  }
}
