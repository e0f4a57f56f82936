import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { FlashError } from '../../errors.ts';
import type { Device } from '../../model/device.ts';
import type { FirmwareImage } from '../../model/image.ts';
import type { DatagramLink, DialBack, StreamLink } from '../../transports/links.ts';
import type { FlashReport, FlashRequest } from '../protocol.ts';
import { acceptsImage } from './acceptance.ts';
import { Command, DEFAULT_PORT } from './constants.ts';
import { type InvitationContext, invite } from './invitation.ts';
import { type EspotaOptions, readOptions } from './options.ts';
import { transfer } from './transfer.ts';

/**
 * One update: listen, invite, log in, send, hear the verdict. Every socket is gone when it returns, on every path: an ESP8266 has no
 * timeout of its own and stays deaf while a dead connection stands.
 *
 * @throws FlashError; before `commit` also the signal's reason, as soon as it is aborted
 */
export async function flashEspota(request: FlashRequest, signal: AbortSignal): Promise<FlashReport> {
  const { image, observer } = request;
  const startMs = request.clock.monotonic();
  signal.throwIfAborted();
  const options = readOptions(request.options);
  const address = checkedAddress(request);
  observer.onStep('prepare');

  let datagrams: DatagramLink | null = null;
  let dialBack: DialBack | null = null;
  let stream: StreamLink | null = null;
  try {
    const device = { address, port: portOf(request.device, image) };
    datagrams = await request.links.openDatagram({ ...device, ...localAddressOf(options) });
    dialBack = await request.links.expectDialBack({
      localAddress: datagrams.localAddress,
      peerAddress: datagrams.remoteAddress,
      ports: options.listen,
      signal,
    });
    stream = await invite(invitationContext(request, signal, { device, options, datagrams, dialBack }));
    datagrams.close();
    observer.onStep('write');
    await transfer({ ...request, bytes: image.bytes, stream, options, signal });
  } finally {
    stream?.destroy();
    dialBack?.close();
    datagrams?.close();
  }
  return { proof: 'accepted', sentBytes: image.bytes.length, elapsedMs: request.clock.monotonic() - startMs };
}

function invitationContext(
  { image, clock, log, onAppearance }: FlashRequest,
  signal: AbortSignal,
  parts: Pick<InvitationContext, 'device' | 'options' | 'datagrams' | 'dialBack'>,
): InvitationContext {
  const command = image.dossier.kind === 'filesystem' ? Command.FILESYSTEM : Command.FLASH;
  const md5 = createHash('md5').update(image.bytes).digest('hex');
  return { ...parts, image: { command, sizeBytes: image.bytes.length, md5 }, clock, log, onAppearance, signal };
}

function checkedAddress({ device, image }: FlashRequest): string {
  const acceptance = acceptsImage(device, image);
  if (!acceptance.accepted) throw new FlashError('IMAGE_NOT_OTA', acceptance.reason, { step: 'prepare' });
  const { address } = device;
  if (address === null || isIPv6(address)) {
    throw new FlashError('OTA_NEEDS_IPV4', `${device.name} has no IPv4 address (${address ?? 'none'})`, {
      step: 'prepare',
    });
  }
  return address;
}

/** A device without a known port has the default one of its core; where its chip is not known either, the image tells. */
function portOf(device: Device, image: FirmwareImage): number {
  if (device.port !== null) return device.port;
  return defaultPort(device.chip ?? image.dossier.chip) ?? DEFAULT_PORT.esp32;
}

/** @returns null where the chip is not known: the cores differ */
export function defaultPort(chip: string | null): number | null {
  if (chip === null) return null;
  return chip === 'esp8266' ? DEFAULT_PORT.esp8266 : DEFAULT_PORT.esp32;
}

function localAddressOf({ localAddress }: EspotaOptions): { localAddress?: string } {
  return localAddress === null ? {} : { localAddress };
}
