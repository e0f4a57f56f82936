import { spawnSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ask, watch } from '../../../src/control/client.ts';
import type { EventDocument, StatusDocument } from '../../../src/control/documents.ts';
import { LARGEST_BODY_BYTES } from '../../../src/control/request-body.ts';
import { runs } from '../../runs.ts';
import { until } from '../watcher/support.ts';
import { ControlHost } from './control-host.ts';

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code?: unknown }) => error.code,
  );

describe('the control server', () => {
  it('answers, and passes on who asks and for what', async () => {
    await using host = await new ControlHost().start();
    expect(await ask<StatusDocument>(host.target, 'GET', '/v1/status')).toMatchObject({ pid: 1, version: '0.0.0' });
    expect(await ask(host.target, 'POST', '/v1/reload')).toMatchObject({ accepted: true });
    expect(await codeOf(ask(host.target, 'POST', `/v1/jobs/${encodeURIComponent('a/ü')}/retry`, { force: true }))).toBe(
      'JOB_NEEDS_FORCE',
    );
    expect(host.calls).toEqual([
      ['reload', { claims: 'jürgen' }],
      ['retry', 'a/ü', true, { claims: 'jürgen' }],
    ]);
  });

  it('tells an unexpected error from one that has a name, and has it in the log', async () => {
    await using host = await new ControlHost().start();
    expect(await codeOf(ask(host.target, 'POST', '/v1/jobs/j1/cancel', {}))).toBe('CONTROL_NO_ANSWER');
    expect(host.log.lines).toContainEqual(
      expect.objectContaining({ event: 'control.failed', error: expect.any(TypeError) }),
    );
    expect(await codeOf(ask(host.target, 'GET', '/v1/devices/x/history'))).toBe('CONTROL_DEVICE_UNKNOWN');
    expect(await codeOf(ask(host.target, 'GET', '/v1/devices/x/explain'))).toBe('CONTROL_DEVICE_AMBIGUOUS');
  });

  it('is open to owner and group only', async () => {
    await using host = await new ControlHost().start();
    expect(statSync(host.socket).mode & 0o777).toBe(0o660);
  });

  it('takes the place of a socket that a crash left behind, and removes its own', async () => {
    await using host = new ControlHost();
    const listenAndDie = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', listenAndDie, host.socket]);
    expect(statSync(host.socket).isSocket()).toBe(true);
    await host.start();
    expect(await ask(host.target, 'GET', '/v1/status')).toMatchObject({ pid: 1 });
    await host.stop();
    expect(existsSync(host.socket)).toBe(false);
  });

  it('does not take the place of another daemon', async () => {
    await using host = await new ControlHost().start();
    await using second = new ControlHost(host.socket);
    await second.start();
    expect(second.log.lines).toMatchObject([{ event: 'control.failed', code: 'CONTROL_UNUSABLE' }]);
    await second.stop();
    expect(await ask(host.target, 'GET', '/v1/status')).toMatchObject({ pid: 1 });
  });

  it('leaves another kind of file alone and lets the daemon go on', async () => {
    await using host = new ControlHost();
    writeFileSync(host.socket, 'mine');
    await host.start();
    expect(host.log.lines).toMatchObject([{ event: 'control.failed', code: 'CONTROL_UNUSABLE' }]);
    expect(existsSync(host.socket)).toBe(true);
  });
});

describe('what comes from outside', () => {
  it.each([
    ['an unknown path', 'GET', '/v1/nothing', ''],
    ['no version', 'GET', '/status', ''],
    ['a wrong method', 'GET', '/v1/reload', ''],
    ['a path that is not well-formed', 'GET', '/v1/devices/%E0%A4%A/history', ''],
    ['no JSON', 'POST', '/v1/jobs/j1/retry', '{force'],
    ['no object', 'POST', '/v1/jobs/j1/retry', '[]'],
    ['a field of the wrong kind', 'POST', '/v1/jobs/j1/retry', '{"force":"yes"}'],
    ['a body that is too large', 'POST', '/v1/jobs/j1/retry', `{"x":"${'x'.repeat(LARGEST_BODY_BYTES)}"}`],
  ])('is refused by name: %s', async (_case, method, path, body) => {
    await using host = await new ControlHost().start();
    const answer = await new Promise<string>((resolve, reject) => {
      const question = request({ socketPath: host.socket, method, path, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.once('end', () => resolve(`${response.statusCode} ${JSON.parse(text).error.code}`));
      });
      question.once('error', reject);
      question.end(body);
    });
    expect(answer).toBe('400 CONTROL_BAD_REQUEST');
    expect(host.calls).toEqual([]);
  });

  it('may be any bytes at all: the server answers the next one', async () => {
    await using host = await new ControlHost().start();
    const mess = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .string({ unit: 'binary', maxLength: 300 })
        .map((text) => Buffer.from(`POST /v1/jobs/${text}/retry HTTP/1.1\r\n\r\n`)),
      fc
        .string({ unit: 'binary', maxLength: 100 })
        .map((text) => Buffer.from(`GET /v1/status HTTP/1.1\r\nx: ${text}\r\n\r\n`)),
      fc
        .json()
        .map((text) =>
          Buffer.from(`POST /v1/reload HTTP/1.1\r\nhost: x\r\ncontent-length: ${text.length}\r\n\r\n${text}`),
        ),
    );
    await fc.assert(
      fc.asyncProperty(mess, async (bytes) => {
        const answer = await host.raw(Buffer.concat([bytes, Buffer.from('\r\n\r\nend\r\n\r\n')]));
        expect(answer).toMatch(/^$|^HTTP\/1\.1 (?:200|400|404|409|431|500) /);
        expect(await ask(host.target, 'GET', '/v1/status')).toMatchObject({ pid: 1 });
      }),
      runs(60),
    );
  }, 60_000);

  it('is cut off when it never ends, and when its head is too large', async () => {
    await using host = await new ControlHost().start();
    expect(await host.raw(`GET /v1/status HTTP/1.1\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`)).toContain(' 431 ');
    expect(await host.raw('POST /v1/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{')).toContain(' 408 ');
  });
});

describe('watching', () => {
  it('begins with the status, and brings each event until the daemon stops', async () => {
    await using host = await new ControlHost().start();
    const events: EventDocument[] = [];
    const ended = (async () => {
      for await (const event of watch(host.target, new AbortController().signal)) events.push(event);
    })();
    await until(() => events.length === 1, 'the first event');
    host.feed.publish('error', 'job.failed', { job: 'j1', password: 'hunter2' });
    await host.stop();
    await ended;
    expect(events).toMatchObject([
      { event: 'watch.began', status: { pid: 1 } },
      { event: 'job.failed', level: 'error', job: 'j1', password: '[redacted]' },
    ]);
    expect(host.feed.isHeard).toBe(false);
  });

  it('ends when the watcher goes', async () => {
    await using host = await new ControlHost().start();
    const stop = new AbortController();
    for await (const event of watch(host.target, stop.signal)) {
      expect(event.event).toBe('watch.began');
      stop.abort();
    }
    await until(() => !host.feed.isHeard, 'nobody listens');
  });

  it('lets go of a watcher that does not read', async () => {
    await using host = await new ControlHost().start();
    const question = request({ socketPath: host.socket, path: '/v1/events', agent: false });
    question.on('error', () => undefined);
    question.once('response', (response) => response.on('error', () => undefined).pause());
    question.end();
    await until(() => host.feed.isHeard, 'it watches');
    for (let count = 0; count < 3_000; count += 1)
      host.feed.publish('info', 'job.progress', { text: 'x'.repeat(1_000) });
    await until(() => !host.feed.isHeard, 'it is let go');
  });
});

describe('a command', () => {
  it('says plainly that no daemon runs', async () => {
    await using host = new ControlHost();
    expect(await codeOf(ask(host.target, 'GET', '/v1/status'))).toBe('CONTROL_NOT_RUNNING');
  });

  it('is not fooled by another program at the socket', async () => {
    await using host = new ControlHost();
    const other = createServer((socket) =>
      socket.resume().end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno'),
    ).listen(host.socket);
    await new Promise((resolve) => other.once('listening', resolve));
    expect(await codeOf(ask(host.target, 'GET', '/v1/status'))).toBe('CONTROL_BAD_ANSWER');
    await new Promise((resolve) => other.close(resolve));
  });
});
