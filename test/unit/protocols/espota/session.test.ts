import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/clock.ts';
import { FlashError } from '../../../../src/errors.ts';
import { silentLogger } from '../../../../src/log.ts';
import type { DialBackTarget, Links } from '../../../../src/transports/links.ts';
import { createNodeLinks } from '../../../../src/transports/node-links.ts';
import { ArduinoOtaDevice, type DeviceScript } from '../../../devices/arduino-ota-device.ts';
import { callAndReset } from '../../../devices/call-and-reset.ts';
import { flash, imageOf, secret } from './flash.ts';

const running: ArduinoOtaDevice[] = [];

async function start(script: DeviceScript): Promise<ArduinoOtaDevice> {
  const device = await ArduinoOtaDevice.start(script);
  running.push(device);
  return device;
}

afterAll(() => Promise.all(running.map((device) => device.stop())));

/** arduino-esp32, ArduinoOTA.cpp: it gives up after so long without data, until it has written something. */
const STARVES_MS = 1_000;

/** How long the client was ready to wait for a word of the device, each time: what passes on a busy machine is another matter. */
function watched(): { readonly links: Links; readonly waitsMs: number[] } {
  const links = createNodeLinks(systemClock, silentLogger);
  const waitsMs: number[] = [];
  const expectDialBack = async (target: DialBackTarget) => {
    const dialBack = await links.expectDialBack(target);
    const accept = dialBack.accept.bind(dialBack);
    dialBack.accept = async (signal) => {
      const stream = await accept(signal);
      const read = stream.read.bind(stream);
      stream.read = (timeoutMs, readSignal) => {
        waitsMs.push(timeoutMs);
        return read(timeoutMs, readSignal);
      };
      return stream;
    };
    return dialBack;
  };
  return { links: { ...links, expectDialBack }, waitsMs };
}

const logins = (device: ArduinoOtaDevice) => device.heard.filter((text) => text.startsWith('200 ')).length;

describe.each(['esp8266', 'esp32'] as const)('espota to an %s', (core) => {
  it('brings the image over whole, in order', async () => {
    const device = await start({ core });
    const image = imageOf(300_001);
    const { report, steps, progress } = await flash(device, { image });
    expect(report).toMatchObject({ proof: 'accepted', sentBytes: 300_001 });
    expect(device.image().equals(image.bytes)).toBe(true);
    expect(steps).toEqual(['prepare', 'write', 'commit']);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBe(300_001);
  });

  it.each([1, 2, 1460, 1461, 8192, 8193])('takes an image of %d bytes', async (sizeBytes) => {
    const device = await start({ core });
    expect((await flash(device, { image: imageOf(sizeBytes) })).word).toBe('accepted');
    expect(device.receivedBytes).toBe(sizeBytes);
  });

  it('journals the commit before the last byte leaves, and waits until all others have arrived', async () => {
    const device = await start({ core, readMs: 3 });
    let atCommit = -1;
    const onStep = (step: string) => {
      if (step === 'commit') atCommit = device.receivedBytes;
    };
    expect((await flash(device, { onStep })).word).toBe('accepted');
    expect(atCommit).toBe(30_000);
  });

  it('never lets it starve', async () => {
    const device = await start({ core, readMs: 30, readBytes: 700 });
    const { links, waitsMs } = watched();
    let longestMs = 0;
    const onStep = (step: string) => {
      if (step === 'commit') longestMs = Math.max(...waitsMs);
    };
    expect((await flash(device, { links, onStep })).word).toBe('accepted');
    expect(longestMs).toBeGreaterThan(0);
    expect(longestMs).toBeLessThan(STARVES_MS);
  });
});

describe.concurrent('espota login', () => {
  it.each(['md5', 'sha256', 'sha256-of-md5'] as const)('%s: right password', async (login) => {
    const device = await start({ password: 'grüße', login });
    expect((await flash(device, { options: { password: secret('grüße') } })).word).toBe('accepted');
    expect(logins(device)).toBe(login === 'sha256-of-md5' ? 2 : 1);
  });

  it.each([
    ['md5', 1],
    ['sha256', 2],
  ] as const)('%s: wrong password, tried %d times', async (login, times) => {
    const device = await start({ password: 'right', login });
    expect((await flash(device, { options: { password: secret('wrong') } })).word).toBe('OTA_AUTH_REFUSED');
    expect(logins(device)).toBe(times);
    expect(device.connections).toBe(0);
  });

  it('needs a password and has none', async () => {
    const device = await start({ password: 'right' });
    expect((await flash(device)).word).toBe('OTA_AUTH_REQUIRED');
    expect(logins(device)).toBe(0);
  });

  it('has a password that is not asked for', async () => {
    expect((await flash(await start({}), { options: { password: secret('unused') } })).word).toBe('accepted');
  });

  it('answers a repeated challenge once', async () => {
    const device = await start({ password: 'p', repeatAuth: true });
    expect((await flash(device, { options: { password: secret('p') } })).word).toBe('accepted');
    expect(logins(device)).toBe(1);
  });

  it('gets past a device that an earlier client left in its login', async () => {
    const device = await start({ password: 'p', startsInLogin: true });
    const options = { password: secret('p'), 'answer-within': 6_000 };
    expect((await flash(device, { options })).word).toBe('accepted');
  });

  it('believes a refusal only of a challenge that nothing can have cancelled', async () => {
    const device = await start({ password: 'right', startsInLogin: true });
    const options = { password: secret('wrong'), 'answer-within': 6_000 };
    expect((await flash(device, { options })).word).toBe('OTA_AUTH_REFUSED');
    expect(logins(device)).toBe(2);
  });

  it('starts again when the login is lost', async () => {
    const device = await start({ password: 'p', login: 'md5' });
    const options = { password: secret('p'), 'answer-within': 9_000, 'login-within': 500 };
    const links = createNodeLinks(systemClock, silentLogger);
    let isLost = false;
    const losing: typeof links = {
      ...links,
      openDatagram: async (target) => {
        const link = await links.openDatagram(target);
        const send = link.send.bind(link);
        link.send = (datagram) => {
          if (isLost || !Buffer.from(datagram).toString().startsWith('200 ')) return send(datagram);
          isLost = true;
          return Promise.resolve();
        };
        return link;
      },
    };
    expect((await flash(device, { options, links: losing })).word).toBe('accepted');
    expect(isLost).toBe(true);
  });

  it('does not take a cancelled challenge for a wrong password', async () => {
    const device = await start({ password: 'p', busyMs: 3_300 });
    const options = { password: secret('p'), 'answer-within': 9_000, 'login-within': 700 };
    expect((await flash(device, { options })).word).toBe('accepted');
  });
});

describe.concurrent('espota on a bad network', () => {
  it('repeats a lost invitation, slowly', async () => {
    const device = await start({ loseDatagrams: 1 });
    expect((await flash(device, { options: { 'answer-within': 6_000 } })).word).toBe('accepted');
    expect(device.heard.length).toBe(2);
  });

  it('invites a device again as soon as it appears, and listens no longer than it has to', async () => {
    const device = await start({ loseDatagrams: 1 });
    const watching = new Set<() => void>();
    const onAppearance = (listener: () => void) => {
      watching.add(listener);
      setTimeout(listener, 200);
      return () => watching.delete(listener);
    };
    // By this clock nothing is repeated before the test is over.
    const clock = { ...systemClock, setTimer: (ms: number, then: () => void) => systemClock.setTimer(ms * 50, then) };
    expect((await flash(device, { clock, onAppearance })).word).toBe('accepted');
    expect(device.heard.length).toBe(2);
    expect(watching.size).toBe(0);
  });

  it('takes the connection for the OK that was lost', async () => {
    const device = await start({ loseReplies: 1 });
    expect((await flash(device)).word).toBe('accepted');
    expect(device.heard.length).toBe(1);
  });

  it('gives up on silence', async () => {
    const device = await start({ loseDatagrams: 99 });
    const { error } = await flash(device);
    expect(error).toMatchObject({ code: 'OTA_NO_ANSWER', disposition: 'retry' });
    expect(device.heard.length).toBe(1);
  });

  it('says so when nothing listens there', async () => {
    const device = await start({});
    await device.stop();
    running.splice(running.indexOf(device), 1);
    expect((await flash(device)).word).toBe('LINK_REFUSED');
  });

  it('names both halves when nobody dials back', async () => {
    const { error } = await flash(await start({ neverConnects: true }));
    expect(error).toMatchObject({ code: 'OTA_DIAL_BACK', details: { sizeBytes: 30_001, strangers: [] } });
    expect((error as Error).message).toMatch(
      /said OK after \d+ ms, but did not connect to 127\.0\.0\.1:\d+ within 1\.5 s/,
    );
  });

  it('does not speak of a firewall when somebody came and was gone at once', async () => {
    const links = createNodeLinks(systemClock, silentLogger);
    const broken = async (target: DialBackTarget) => {
      const dialBack = await links.expectDialBack(target);
      callAndReset(dialBack.port);
      return dialBack;
    };
    const { error } = await flash(await start({ neverConnects: true }), {
      links: { ...links, expectDialBack: broken },
    });
    expect(error).toMatchObject({ code: 'OTA_CONNECTION_LOST', step: 'prepare', details: { brokenCalls: 1 } });
    expect((error as Error).message).toMatch(/a connection to 127\.0\.0\.1:\d+ broke off as soon as made/);
  });

  it('accepts the device only', async () => {
    const device = await start({ address: '127.0.0.7', strangerFirst: '127.0.0.66' });
    const image = imageOf(20_000);
    expect((await flash(device, { image })).word).toBe('accepted');
    expect(device.image().equals(image.bytes)).toBe(true);
  });

  it('names who called instead', async () => {
    const device = await start({ address: '127.0.0.7', strangerFirst: '127.0.0.66', neverConnects: false });
    const links = createNodeLinks(systemClock, silentLogger);
    const dialBack = await links.expectDialBack({
      localAddress: '127.0.0.1',
      peerAddress: '127.0.0.9',
      ports: null,
      signal: new AbortController().signal,
    });
    const failed = await flash(device, { links: { ...links, expectDialBack: () => Promise.resolve(dialBack) } });
    expect(failed.error).toMatchObject({ code: 'OTA_DIAL_BACK', details: { strangers: ['127.0.0.66', '127.0.0.7'] } });
  });
});

describe.concurrent('espota refused by the device', () => {
  it.each([
    ['ERR: ERROR[4]: Not Enough Space\n', 'OTA_NO_SPACE'],
    ['ERR: ERROR[5]: Bad Size Given\r\n', 'OTA_BAD_SIZE'],
    ['ERR: ERROR[11]: Invalid bootstrapping state, reset ESP8266 before updating\n', 'OTA_DEVICE_NOT_READY'],
    ['ERR: something new', 'OTA_REFUSED'],
    ['HTTP/1.1 400 Bad Request\r\n', 'OTA_UNEXPECTED_ANSWER'],
    ['\u0000\u001b[2J', 'OTA_UNEXPECTED_ANSWER'],
  ])('by UDP: %j', async (refuses, code) => {
    const { error, word } = await flash(await start({ refuses }));
    expect(word).toBe(code);
    expect((error as Error).message).toMatch(/^[ -~]+$/);
  });

  it.each([
    ['Wrong Magic Byte\r\n', 'OTA_BAD_MAGIC'],
    ['Flash Write Failed\r\n', 'OTA_FLASH_FAILED'],
    ['1460ERROR[6]: Stream Read Timeout\n', 'OTA_STALLED'],
    ['OK', 'OTA_UNEXPECTED_ANSWER'],
    ['\u0001\u0002', 'OTA_UNEXPECTED_ANSWER'],
    ['Sorry', 'OTA_REFUSED'],
  ])('in the middle: %j', async (text, code) => {
    const { word, steps } = await flash(await start({ sayAt: { bytes: 4_096, text } }));
    expect(word).toBe(code);
    expect(steps).not.toContain('commit');
  });

  it.each([
    [['OK'], 'accepted'],
    [['O', 'K'], 'accepted'],
    [['1O', 'K\r\n'], 'accepted'],
    [['MD5 Check', ' Failed\r\n'], 'OTA_CHECKSUM_MISMATCH'],
    [['ERROR[10]: Magic byte is not 0xE9\n'], 'OTA_BAD_MAGIC'],
    [['Could Not Activate The Firmware\r\n'], 'OTA_NOT_ACTIVATED'],
    [['ERROR[0]: No Error\n'], 'OTA_CONNECTION_LOST'],
    [['MD5 Check FailedOK'], 'OTA_CHECKSUM_MISMATCH'],
    [['NOK'], 'OTA_RESULT_LOST'],
    [['OK but no'], 'OTA_RESULT_LOST'],
    [['\u0007\u0000'], 'OTA_RESULT_LOST'],
    [['O'], 'OTA_RESULT_LOST'],
    [['Something else'], 'OTA_REFUSED'],
    [['x'.repeat(100_000)], 'OTA_REFUSED'],
    [null, 'OTA_RESULT_LOST'],
  ])('at the end: %j', async (result, word) => {
    const outcome = await flash(await start({ result, resultPauseMs: 30 }));
    expect(outcome.word).toBe(word);
  });

  it('says nothing at the end', async () => {
    const { error } = await flash(await start({ silentAtEnd: true }));
    expect(error).toMatchObject({ code: 'OTA_RESULT_LOST', disposition: 'uncertain' });
  });
});

describe.concurrent('espota cut short', () => {
  it.each([1, 1_460, 9_000, 29_999])('a reset after %d bytes is a retry', async (resetAt) => {
    const { error, steps } = await flash(await start({ resetAt }));
    expect(error).toMatchObject({ code: 'OTA_CONNECTION_LOST', disposition: 'retry' });
    expect(steps).not.toContain('commit');
  });

  it('a reset after the last byte leaves the outcome open', async () => {
    const { error } = await flash(await start({ resetAt: 30_001 }));
    expect(error).toMatchObject({ code: 'OTA_RESULT_LOST', disposition: 'uncertain' });
  });

  it('a close without a word is a retry', async () => {
    expect((await flash(await start({ closeAt: 12_000 }))).word).toBe('OTA_CONNECTION_LOST');
  });

  it.each([0, 1_460, 20_000, 25_144])('a stall after %d bytes is one, and not a lost result', async (stallAt) => {
    const { word, steps } = await flash(await start({ stallAt }));
    expect(word).toBe('OTA_STALLED');
    expect(steps).not.toContain('commit');
  });

  it('counts of earlier chunks that come late are no answer to the last one', async () => {
    // It reads the third chunk in pieces, each counted by itself, and hangs before the last chunk.
    const { word, steps } = await flash(await start({ stallAt: 20_000, readMs: 30, readBytes: 700 }));
    expect(word).toBe('OTA_STALLED');
    expect(steps).not.toContain('commit');
  });

  it.each([new Error('stopping'), new FlashError('JOB_INTERRUPTED', 'stopping')])(
    'an abort before the commit ends at once, with its own reason: %o',
    async (reason) => {
      const abort = new AbortController();
      const device = await start({ readMs: 20 });
      const onProgress = (sentBytes: number) => {
        if (sentBytes > 10_000) abort.abort(reason);
      };
      const { error, steps } = await flash(device, { signal: abort.signal, onProgress });
      expect(error).toBe(reason);
      expect(steps).toEqual(['prepare', 'write']);
    },
  );

  it('an abort while it is silent ends at once, and is no word of the network', async () => {
    const device = await start({ loseDatagrams: 99 });
    const abort = new AbortController();
    const reason = new FlashError('JOB_INTERRUPTED', 'stopping');
    setTimeout(() => abort.abort(reason), 100);
    const { error } = await flash(device, { signal: abort.signal, options: { 'answer-within': 15_000 } });
    expect(error).toBe(reason);
  });

  it('an abort after the commit waits for the result', async () => {
    const abort = new AbortController();
    const device = await start({ result: ['OK'], resultPauseMs: 300 });
    const onStep = (step: string) => {
      if (step === 'commit') abort.abort(new Error('stopping'));
    };
    expect((await flash(device, { signal: abort.signal, onStep })).word).toBe('accepted');
  });
});

describe.concurrent('espota to a device that says little', () => {
  it('feeds it on while it is silent, and stops there: without a word from it nothing is committed', async () => {
    const device = await start({ saysCounts: 'never' });
    const { links, waitsMs } = watched();
    const { error, steps, progress } = await flash(device, { links, options: { 'stall-after': 2_000 } });
    expect(error).toMatchObject({
      code: 'OTA_STALLED',
      disposition: 'retry',
      message: expect.stringContaining('and had said nothing before'),
    });
    expect(steps).not.toContain('commit');
    expect(progress.length).toBeGreaterThan(1);
    expect(Math.max(...waitsMs)).toBeLessThan(STARVES_MS);
  });

  it('goes on past chunks that it does not answer, and commits when it has answered for all but the last byte', async () => {
    // It says something of every second chunk: after 16,384 bytes, and after 32,768.
    const device = await start({ saysCounts: 16_384 });
    const image = imageOf(32_769);
    const { word, steps } = await flash(device, { image, options: { chunk: '8192' } });
    expect(word).toBe('accepted');
    expect(steps).toEqual(['prepare', 'write', 'commit']);
    expect(device.image().equals(image.bytes)).toBe(true);
  });

  it('is not committed where it leaves the rest unanswered', async () => {
    const device = await start({ saysCounts: 16_384 });
    const { word, steps } = await flash(device, {
      image: imageOf(24_577),
      options: { chunk: '8192', 'stall-after': 2_000 },
    });
    expect(word).toBe('OTA_STALLED');
    expect(steps).not.toContain('commit');
    expect(device.receivedBytes).toBe(24_576);
  });

  it('takes counts that come late and glued together', async () => {
    const device = await start({ saysCounts: 'late' });
    const image = imageOf(60_001);
    expect((await flash(device, { image })).word).toBe('accepted');
    expect(device.image().equals(image.bytes)).toBe(true);
  });
});

describe.concurrent('espota images', () => {
  it('sends a filesystem as such', async () => {
    const device = await start({});
    const image = imageOf(20_000, { kind: 'filesystem', format: 'filesystem', filesystem: 'littlefs' });
    expect((await flash(device, { image })).word).toBe('accepted');
    expect(device.heard[0]).toMatch(/^100 /);
  });

  it.each(['merged', 'bootloader', 'partition-table', 'otadata', 'data'] as const)(
    'never sends a %s image',
    async (kind) => {
      const device = await start({});
      expect((await flash(device, { image: imageOf(20_000, { kind }) })).word).toBe('IMAGE_NOT_OTA');
      expect(device.heard).toEqual([]);
    },
  );

  it('never sends an application with a wrong first byte', async () => {
    const device = await start({});
    const image = imageOf(20_000);
    image.bytes[0] = 0x7f;
    expect((await flash(device, { image })).word).toBe('IMAGE_NOT_OTA');
  });

  it('goes in small steps on a retry', async () => {
    const device = await start({ core: 'esp8266' });
    const { word, progress } = await flash(device, { attempt: 2 });
    expect(word).toBe('accepted');
    expect(Math.max(...progress.map((sent, i) => sent - (progress[i - 1] ?? 0)))).toBe(1460);
  });
});

describe('espota on one fixed port', () => {
  it('serves many devices at once', async () => {
    const ports = await freePort();
    const links = createNodeLinks(systemClock, silentLogger);
    const addresses = Array.from({ length: 12 }, (_, i) => `127.0.9.${i + 1}`);
    const devices = await Promise.all(addresses.map((address) => start({ address, readMs: 2 })));
    const images = devices.map((_, i) => imageOf(20_000 + i));
    const outcomes = await Promise.all(
      devices.map((device, i) => flash(device, { image: images[i] ?? imageOf(1), links, options: { listen: ports } })),
    );
    expect(outcomes.map(({ word }) => word)).toEqual(devices.map(() => 'accepted'));
    expect(devices.every((device, i) => device.image().equals(images[i]?.bytes ?? Buffer.alloc(0)))).toBe(true);
  });

  it('never mixes up two devices behind one address', async () => {
    const ports = await freePort();
    const links = createNodeLinks(systemClock, silentLogger);
    const devices = await Promise.all([1, 2, 3].map(() => start({ readMs: 5 })));
    const images = devices.map((_, i) => imageOf(20_000 + i));
    const outcomes = await Promise.all(
      devices.map((device, i) => flash(device, { image: images[i] ?? imageOf(1), links, options: { listen: ports } })),
    );
    expect(outcomes.map(({ word }) => word)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(devices.map((device) => device.receivedBytes)).toEqual([20_000, 20_001, 20_002]);
  });
});

/** A port that was free a moment ago. */
async function freePort(): Promise<{ first: number; last: number }> {
  const links = createNodeLinks(systemClock, silentLogger);
  const { signal } = new AbortController();
  const probe = await links.expectDialBack({
    localAddress: '127.0.0.1',
    peerAddress: '127.0.0.1',
    ports: null,
    signal,
  });
  probe.close();
  return { first: probe.port, last: probe.port };
}
