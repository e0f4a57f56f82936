import { type Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../clock.ts';
import { parseDuration } from '../config/units.ts';
import { FlashError } from '../errors.ts';
import { silentLogger, tapped } from '../log.ts';
import { CHIPS, type Chip } from '../model/chip.ts';
import type { Device } from '../model/device.ts';
import type { OptionValues } from '../model/fields.ts';
import type { FirmwareImage } from '../model/image.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { createServiceLog, type ServiceLog } from '../service/winston-logger.ts';
import { createNodeLinks } from '../transports/node-links.ts';
import { type CommonOptions, type Run, setOption, withCommonOptions } from './command.ts';
import { flashWithRetries } from './flash-attempts.ts';
import { describeSuccess, type FlashEnd, type FlashFindings, flashDocument } from './flash-document.ts';
import { flashOptions, type OptionArgs } from './flash-options.ts';
import { notAwaited, proveFlash } from './flash-proof.ts';
import type { Io } from './io.ts';
import { describeError, hasColours, paint, printJson, printLines } from './output.ts';
import { createProgress } from './progress.ts';
import { readImage } from './read-image.ts';
import { portFacts } from './serial-port.ts';
import { listPorts } from './system-ports.ts';
import { deviceOfTarget, parseTarget, type Target } from './target.ts';

/** The arguments of `dropflash flash`, as commander hands them over. */
export interface FlashArgs extends CommonOptions, OptionArgs {
  readonly image: string;
  readonly to: string;
  readonly chip?: Chip;
  /** Absent: as many as the kind of failure is worth. */
  readonly retries?: number;
  /** Milliseconds. */
  readonly within: number;
}

/** Adds `dropflash flash`, which needs neither daemon nor config. */
export function defineFlash(program: Command, run: Run): void {
  const command = program
    .command('flash')
    .summary('one image to one device, now, without a daemon')
    .description(
      'Sends firmware to one device, over the network or over a serial port. Succeeds when the device has accepted it; on a port, when the ' +
        'flash was compared; over pycom-ftp, when the device came back with it.',
    )
    .argument('<image>', 'firmware file, or for a serial port a package of several')
    .requiredOption(
      '--to <target>',
      'espota://host[:port], pycom-ftp://host[:port], or serial:PORT[@BAUD], espat-serial:PORT[@BAUD] where PORT is /dev/ttyUSB0, COM3, rfc2217://host:port, …',
    )
    .addOption(
      setOption('an option of the protocol, each by a --set of its own; docs/config.md has them under "update"'),
    )
    .option('--password-env <variable>', 'environment variable that holds the password')
    .option('--password-file <file>', 'file that holds the password')
    .addOption(new Option('--chip <chip>', 'refuse an image that is for another chip').choices(CHIPS))
    .addOption(
      new Option(
        '--within <duration>',
        'how long the device may take to come back and say its version, where the protocol can see that',
      )
        .argParser(durationMs)
        .default(RETURN_WITHIN_MS, '90s'),
    )
    .option(
      '--retries <n>',
      'after the first attempt, where another try may help (default: 3; 1 where no AT module answers)',
      wholeNumber,
    );
  withCommonOptions(command, [
    'dropflash flash sensor.bin --to espota://192.168.1.40',
    'OTA_PW=secret dropflash flash sensor.bin --to espota://boiler.local:8266 --password-env OTA_PW --json',
    'dropflash flash WiPy-1.20.2.r6.bin --to pycom-ftp://192.168.4.1',
    'dropflash flash factory.bin --to serial:/dev/ttyUSB0@460800',
    'WIFI=secret dropflash flash at-1.7.6.zip --to espat-serial:/dev/ttyUSB0 --set ssid=bench --password-env WIFI --set flash-map=1024+1024',
    'dropflash flash sensor.bin --to espota://10.0.7.31 --set listen=40000-40010 --chip esp32s3',
  ]).action((image: string, options: Omit<FlashArgs, 'image'>) =>
    run(options, (io) => flash({ ...options, image }, io)),
  );
}

/** As a rule's `verify.within`. */
const RETURN_WITHIN_MS = 90_000;

function durationMs(text: string): number {
  const parsed = parseDuration(text);
  if (parsed === null) throw new InvalidArgumentError('It is a duration with its unit, such as 90s.');
  return parsed;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 0 to 99.');
  return Number(text);
}

/** Flashes one device. What went wrong is told in the document and in the exit code; only program errors are thrown. */
export async function flash(args: FlashArgs, io: Io): Promise<ExitCode> {
  const findings: FlashFindings = { target: null, image: null };
  const end = await work(args, io, findings).catch(notBegun);
  const document = flashDocument(args.to, findings, end);
  if (args.json) printJson(io, document);
  if (end.error === null) {
    if (!args.json) io.stdout.write(`${paint(io, io.stdout, 'green', describeSuccess(document))}\n`);
    return EXIT.done;
  }
  printLines(io.stderr, describeError(end.error, args.verbose === true));
  return isWrongUsage(end.error) ? EXIT.usage : EXIT.failed;
}

/** A password that is not where `--password-env` says is a mistake in the command line, not in a config. */
function isWrongUsage({ code }: FlashError): boolean {
  return code === 'USAGE_WRONG' || code === 'USAGE_BAD_TARGET' || code === 'CONFIG_SECRET_MISSING';
}

function notBegun(error: unknown): FlashEnd {
  if (error instanceof FlashError) return { attempts: 0, elapsedMs: 0, report: null, error };
  throw error;
}

async function work(args: FlashArgs, io: Io, findings: FlashFindings): Promise<FlashEnd> {
  const target = parseTarget(args.to);
  findings.target = target;
  const baudRate = target.serial?.baudRate ?? null;
  const set = baudRate === null ? args.set : [...args.set, `baud=${baudRate}`];
  const options = flashOptions(target.protocol, { ...args, set }, io);
  const image = await readImage(args.image, io.cwd);
  findings.image = image;
  const port = target.serial === null ? null : await portFacts(target.serial.path, listPorts);
  const device = deviceOfTarget(target, args.chip ?? null, systemClock.now(), port);
  refuseUnfit(image, device, target);
  return send({ target, image, device, options }, args, io);
}

/** What is wrong is known before a byte is sent. */
function refuseUnfit(image: FirmwareImage, device: Device, { protocol }: Target): void {
  const [problem] = image.dossier.problems;
  if (problem !== undefined) throw new FlashError(problem.code, problem.message);
  const { chip } = image.dossier;
  if (device.chip !== null && chip !== null && chip !== device.chip) {
    throw new FlashError('IMAGE_WRONG_CHIP', `${image.name} is for ${chip}, and the device is ${device.chip}`);
  }
  const acceptance = protocol.accepts(device, image);
  if (acceptance.accepted) return;
  if (device.serial !== null) throw new FlashError('SERIAL_NO_PLACE', `${image.name}: ${acceptance.reason}`);
  throw new FlashError('IMAGE_NOT_OTA', `${image.name}: ${acceptance.reason}`);
}

interface Order {
  readonly target: Target;
  readonly image: FirmwareImage;
  readonly device: Device;
  readonly options: OptionValues;
}

async function send({ target, image, device, options }: Order, args: FlashArgs, io: Io): Promise<FlashEnd> {
  const clock = systemClock;
  const verboseLog = args.verbose === true ? logTo(io) : null;
  const progress = createProgress(io.stderr, device.name, clock);
  const log = tapped(verboseLog?.logger ?? silentLogger, (_level, event, { server }) => {
    if (event === 'device.busy') progress.step(`busy with another ${server} session, which is waited for`);
  });
  const beganMs = clock.monotonic();
  try {
    const end = await flashWithRetries({
      protocol: target.protocol,
      flash: { image, device, options, links: createNodeLinks(clock, log), clock, log },
      ...(args.retries === undefined ? {} : { retries: args.retries }),
      signals: io.signals,
      progress,
      clock,
      random: Math.random,
    });
    const signs = target.protocol.signs?.(options) ?? null;
    const { report } = end;
    if (report?.proof !== 'accepted' || signs === null) return { ...end, elapsedMs: clock.monotonic() - beganMs };
    progress.step('confirm');
    const { stop } = io.signals;
    const request = { device, image, report, signs, withinMs: args.within, clock, log };
    const found = await proveFlash(request, stop).catch((error: unknown) => {
      if (error === stop.reason) return notAwaited(report);
      throw error;
    });
    return { ...end, ...found, elapsedMs: clock.monotonic() - beganMs };
  } finally {
    progress.finish();
    await verboseLog?.close();
  }
}

function logTo(io: Io): ServiceLog {
  const colours = hasColours(io, io.stderr);
  return createServiceLog(
    { level: 'debug', format: 'pretty', file: null },
    { stdout: io.stderr, colours, clock: systemClock },
  );
}
