import type { ProbeFacts, ProbeRequest } from '../protocol.ts';
import { greetFtp } from './ftp.ts';
import { generationOf, slotOf } from './identity.ts';
import { readOptions } from './options.ts';
import { placeOf } from './session.ts';
import { openTelnet } from './telnet.ts';

/**
 * What a module says to everybody who connects: its FTP server that it is one, its telnet server what it runs.
 *
 * @throws FlashError LINK_…, PYCOM_WRONG_SERVER, PYCOM_UNEXPECTED_ANSWER, PYCOM_BUSY, PYCOM_NO_TELNET; or the signal's reason
 */
export async function probePycom(request: ProbeRequest, signal: AbortSignal): Promise<ProbeFacts> {
  const { clock, links, log } = request;
  const options = readOptions(request.options);
  const conversation = { ...placeOf(request.device), options, links, clock, log, signal };
  await greetFtp(conversation);
  const shell = await openTelnet(conversation, { refusedForMs: options.greetingWithinMs, logsIn: false });
  shell.close();
  const { greeting, identity } = shell;
  if (identity === null) return { greeting };
  const isCc3200 = identity.mcu === 'CC3200';
  const checks = generationOf(identity) === 'md5-tail' ? 'an MD5 at the end of the image' : 'a SHA-256 at its end';
  return {
    greeting,
    board: `${identity.board} with ${identity.mcu}`,
    version: identity.version,
    built: identity.builtOn,
    'boot loader checks': checks,
    'largest image': `${slotOf(identity, options.flash, isCc3200).sizeBytes.toLocaleString('en-US')} bytes`,
  };
}
