import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { VERBS } from '../../../../src/protocols/waspmote-ftp/server/verbs.ts';
import { Mote } from '../../../../src/simulator/waspmote/mote.ts';
import { runs } from '../../../runs.ts';
import { aPublication, type FtpLine, FtpSite, hastened, PROGRAM } from './ftp-site.ts';

let site: FtpSite;
const open = async (...given: ConstructorParameters<typeof FtpSite>): Promise<FtpSite> => {
  site = await new FtpSite(...given).open();
  return site;
};

afterEach(() => site.server.stop());

describe('the FTP server', () => {
  it('says nothing but codes before the login, and the right password opens', async () => {
    const line = await (await open()).connect();
    expect(await line.ask('RETR TEST001')).toMatch(/^530/);
    expect(await line.ask('USER nobody')).toMatch(/^331/);
    expect(await line.ask('PASS libelium')).toMatch(/^530/);
    expect(await line.ask('USER ota')).toMatch(/^331/);
    expect(await line.ask('PASS wrong')).toMatch(/^530/);
    expect(await line.ask('PASS libelium')).toMatch(/^230/);
    expect(await line.ask('QUIT')).toMatch(/^221/);
    expect(await line.reply()).toBe('');
  });

  it('closes after five wrong passwords', async () => {
    const line = await (await open()).connect();
    await line.ask('USER ota');
    for (let tries = 0; tries < 4; tries += 1) expect(await line.ask('PASS wrong')).toMatch(/^530/);
    expect(await line.ask('PASS wrong')).toMatch(/^421/);
  });

  it('gives UPGRADE.TXT and the program, byte for byte, in the root and in .gprs', async () => {
    const line = await (await open()).loggedIn();
    const notice = 'FILE:TEST001\nPATH:/\nSIZE:20000\nVERSION:3\n';
    for (const path of ['UPGRADE.TXT', '/UPGRADE.TXT', '.gprs/UPGRADE.TXT', '//.gprs//UPGRADE.TXT']) {
      expect(String(await line.fetch(`RETR ${path}`))).toBe(notice);
      expect(await line.ask(`SIZE ${path}`)).toBe('213 41');
    }
    await line.ask('TYPE A');
    for (const path of ['TEST001', '/TEST001', '.gprs//TEST001']) {
      expect(await line.ask(`SIZE ${path}`)).toBe('213 20000');
      expect((await line.fetch(`RETR ${path}`))?.equals(PROGRAM)).toBe(true);
    }
    expect(await line.ask('CWD .gprs/')).toMatch(/^250/);
    expect(await line.ask('PWD')).toBe('257 "/.gprs"');
    expect((await line.fetch('RETR TEST001'))?.equals(PROGRAM)).toBe(true);
    expect(await line.ask('CDUP')).toMatch(/^250/);
    expect(await line.ask('PWD')).toBe('257 "/"');
  });

  it('says that there is nothing to do where nothing is published', async () => {
    const line = await (await open()).loggedIn();
    site.shelf = [];
    expect(String(await line.fetch('RETR .gprs/UPGRADE.TXT'))).toBe('FILE:NO_FILE\nPATH:/\nSIZE:0\nVERSION:0\n');
    expect(await line.fetch('RETR TEST001')).toBe(null);
  });

  it('lists as ls does, one file too, with the size as the fifth word', async () => {
    const line = await (await open()).loggedIn();
    const [mode, , , , size, , , year, name] = String(await line.fetch('LIST TEST001'))
      .trim()
      .split(' ');
    expect([mode, size, year, name]).toEqual(['-rw-r--r--', '20000', '2026', 'TEST001']);
    expect(String(await line.fetch('NLST')).split('\r\n')).toEqual(['UPGRADE.TXT', 'TEST001', '.gprs', '']);
    expect(String(await line.fetch('LIST -a .gprs')).split('\r\n')).toHaveLength(3);
    expect(await line.fetch('LIST nothing')).toBe(null);
  });

  it('goes on from a byte', async () => {
    const line = await (await open()).loggedIn();
    expect(await line.ask('REST 19990')).toMatch(/^350/);
    await line.ask('NOOP');
    expect((await line.fetch('RETR TEST001'))?.length).toBe(PROGRAM.length);
    const passive = await line.ask('EPSV');
    const data = connect(Number(/\|(\d+)\|/.exec(passive)?.[1]), '127.0.0.1');
    expect(await line.ask('REST 19990')).toMatch(/^350/);
    expect(await line.ask('RETR TEST001')).toMatch(/^150/);
    const [tail] = await once(data, 'data');
    expect(PROGRAM.subarray(19_990).equals(tail as Buffer)).toBe(true);
    expect(await line.reply()).toMatch(/^226/);
  });

  it('goes on from a byte that was told before the connection was asked for', async () => {
    const line = await (await open()).loggedIn();
    expect(await line.ask('REST 19990')).toMatch(/^350/);
    await line.ask('TYPE I');
    expect((await line.fetch('RETR TEST001'))?.equals(PROGRAM.subarray(19_990))).toBe(true);
    expect((await line.fetch('RETR TEST001'))?.length).toBe(PROGRAM.length);
  });

  it('goes to the device where that asks for it, and to nobody else', async () => {
    const line = await (await open()).loggedIn();
    const waiting = createServer().listen(0, '127.0.0.1');
    await once(waiting, 'listening');
    const { port } = waiting.address() as { port: number };
    const words = `${port >> 8},${port & 255}`;
    expect(await line.ask(`PORT 127,0,0,2,${words}`)).toMatch(/^504/);
    expect(await line.ask('PORT 127,0,0,1,0,25')).toMatch(/^504/);
    expect(await line.ask(`EPRT |1|10.0.0.1|${port}|`)).toMatch(/^504/);
    expect(await line.ask('PORT 1,2,3')).toMatch(/^501/);
    expect(await line.ask('RETR TEST001')).toMatch(/^425/);
    expect(await line.ask(`PORT 127,0,0,1,${words}`)).toMatch(/^200/);
    line.socket.write('RETR UPGRADE.TXT\r\n');
    const [data] = (await once(waiting, 'connection')) as [Socket];
    const [text] = await once(data, 'data');
    expect(String(text)).toContain('FILE:TEST001');
    data.end();
    waiting.close();
  });

  it('takes a data connection from the device alone', async () => {
    const line = await (await open()).loggedIn();
    const [, high, low] = /(\d+),(\d+)\)\.$/.exec(await line.ask('PASV')) ?? [];
    const port = Number(high) * 256 + Number(low);
    const stranger = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' });
    stranger.on('error', () => undefined);
    await once(stranger, 'close');
    const own = connect(port, '127.0.0.1');
    line.socket.write('RETR UPGRADE.TXT\r\n');
    const [text] = await once(own, 'data');
    expect(String(text)).toContain('VERSION:3');
  });

  it('names the public address and keeps to the range of ports', async () => {
    const line = await (
      await open({ publicAddress: '203.0.113.7', passivePorts: { first: 47_310, last: 47_311 } })
    ).loggedIn();
    expect(await line.ask('PASV')).toMatch(/^227 Entering Passive Mode \(203,0,113,7,184,20[67]\)\.$/);
    const other = await site.loggedIn();
    expect(await other.ask('PASV')).toMatch(/,184,20[67]\)\.$/);
    const third = await site.loggedIn();
    expect(await third.ask('PASV')).toMatch(/^425/);
  });

  it('changes nothing, whatever it is asked', async () => {
    const line = await (await open()).loggedIn();
    for (const command of [
      'STOR TEST001',
      'DELE TEST001',
      'MKD a',
      'RMD .gprs',
      'RNFR TEST001',
      'RNTO b',
      'APPE UPGRADE.TXT',
      'STOU',
    ])
      expect(await line.ask(command)).toMatch(/^550/);
    expect(await line.ask('SITE CHMOD 777 TEST001')).toMatch(/^502/);
  });
});

describe('limits of the FTP server', () => {
  it('lets in so many devices in all, and so many from one address', async () => {
    await open({ connections: 3, connectionsPerAddress: 2 });
    await site.connect();
    await site.connect();
    const refused = connect(site.port, '127.0.0.1');
    expect(String((await once(refused, 'data'))[0])).toMatch(/^421/);
    const elsewhere = connect({ port: site.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    expect(String((await once(elsewhere, 'data'))[0])).toMatch(/^220/);
    const full = connect({ port: site.port, host: '127.0.0.1', localAddress: '127.0.0.3' });
    expect(String((await once(full, 'data'))[0])).toMatch(/^421/);
  });

  it('lets go of who never logs in, however busily, and of who falls silent', async () => {
    await open({}, hastened(900));
    const dripping = await site.connect();
    const drip = setInterval(() => dripping.socket.write('U'), 20);
    const silent = await site.loggedIn();
    expect(await dripping.reply()).toMatch(/^421/);
    clearInterval(drip);
    expect(await silent.reply()).toMatch(/^421/);
  });

  it('waits for a data connection no longer than it may', async () => {
    const line = await (await open({}, hastened(400))).loggedIn();
    await line.ask('PASV');
    expect(await line.ask('RETR TEST001')).toMatch(/^150/);
    expect(await line.reply()).toMatch(/^425/);
  });

  it('lets go of who asks and never reads, or sends without end', async () => {
    await open();
    const flood = await site.loggedIn();
    flood.socket.write('NOOP\r\n'.repeat(500));
    while ((await flood.reply()) !== '');
    const endless = await site.loggedIn();
    expect(await endless.ask('X'.repeat(100_000))).toMatch(/^500/);
    expect(await endless.ask('NOOP')).toMatch(/^200/);
  });
});

describe('hostile input', () => {
  const path = fc.oneof(
    fc
      .array(
        fc.constantFrom(
          '..',
          '.',
          '/',
          '//',
          '.gprs',
          'TEST001',
          'UPGRADE.TXT',
          '~',
          '\\',
          'etc',
          'passwd',
          '\0',
          '%2e%2e',
        ),
        { maxLength: 8 },
      )
      .map((parts) => parts.join('/')),
    fc.string({ maxLength: 40 }),
  );
  const command = fc.oneof(
    fc.tuple(fc.constantFrom(...VERBS.keys()), path).map((words) => words.join(' ')),
    fc.string({ maxLength: 200 }),
  );

  it('no path leads out of what a user may see', async () => {
    const line = await (await open()).loggedIn();
    await fc.assert(
      fc.asyncProperty(path, async (given) => {
        const asked = given.replaceAll(/[\r\n]/g, '');
        await line.ask('CWD /');
        if (!(await line.ask(`CWD ${asked}`)).startsWith('250')) return;
        expect(['257 "/"', '257 "/.gprs"']).toContain(await line.ask('PWD'));
      }),
      runs(150),
    );
    for (const way of [
      '/etc/passwd',
      '../../etc/passwd',
      '.gprs/../../etc/passwd',
      '....//etc/passwd',
      'TEST001/../..',
    ]) {
      expect(await line.fetch(`RETR ${way}`)).toBe(null);
      expect(await line.ask(`SIZE ${way}`)).toMatch(/^550/);
    }
  });

  it('no command, in whatever order, stops it from serving the next device', async () => {
    await open();
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 12 }), fc.boolean(), async (commands, isLoggedIn) => {
        const line: FtpLine = isLoggedIn ? await site.loggedIn() : await site.connect();
        line.socket.write(commands.join('\r\n'), 'latin1');
        line.close();
      }),
      runs(60),
    );
    const line = await site.loggedIn();
    expect((await line.fetch('RETR TEST001'))?.equals(PROGRAM)).toBe(true);
  });
});

describe('two hundred devices at once', () => {
  it('all get the program whole over lines of 9,600 baud, and each is known to have it', async () => {
    await open();
    const server = { host: '127.0.0.1', port: site.port, user: 'ota', password: 'libelium' };
    const motes = Array.from({ length: 200 }, (_, nth) => new Mote(nth % 2 === 0 ? 'wifi' : '4g', 'OLD_APP', nth));
    const clock = hastened(50);
    const line = { clock, baud: 9_600, cutAfter: null, mode: 'passive' } as const;
    const visits = motes.map((mote, nth) => mote.visit(server, { ...line, localAddress: `127.0.9.${nth + 1}` }));
    const outcomes = new Set((await Promise.all(visits)).map(({ kind }) => kind));
    expect([...outcomes]).toEqual(['updated']);
    for (const { program } of motes) expect(program !== null && PROGRAM.equals(program)).toBe(true);
    await expect
      .poll(() => new Set(site.told.filter((words) => words.endsWith('whole'))).size, { timeout: 60_000 })
      .toBe(200);
  });
});

describe('what is seen of a device', () => {
  const closed = async (line: FtpLine) => {
    await line.ask('QUIT');
  };

  it('is that it looked, that it fetched all, and that a later visit fetched nothing', async () => {
    await open({}, hastened(20));
    const line = await site.loggedIn();
    await line.fetch('RETR UPGRADE.TXT');
    await line.fetch('RETR TEST001');
    await closed(line);
    await expect.poll(() => site.told).toContain('ota@127.0.0.1 has r1 whole');
    const later = await site.loggedIn();
    await later.fetch('RETR UPGRADE.TXT');
    await closed(later);
    await expect.poll(() => site.told.at(-1)).toBe('ota@127.0.0.1 confirmed r1');
    expect(site.told).toEqual([
      'ota@127.0.0.1 looked at r1',
      'ota@127.0.0.1 fetches r1',
      'ota@127.0.0.1 has r1 whole',
      'ota@127.0.0.1 looked at r1',
      'ota@127.0.0.1 confirmed r1',
    ]);
  });

  it.each(['SIZE .gprs/UPGRADE.TXT', 'SIZE UPGRADE.TXT'])(
    'is that it found nothing where nothing is published, once in a session: %s',
    async (question) => {
      await open();
      site.shelf = [];
      for (let visit = 0; visit < 2; visit += 1) {
        const line = await site.loggedIn();
        await line.ask(question);
        await line.fetch('RETR UPGRADE.TXT');
        await line.fetch('RETR UPGRADE.TXT');
        await closed(line);
      }
      await expect
        .poll(() => site.told)
        .toEqual(['ota@127.0.0.1 found nothing at user ota', 'ota@127.0.0.1 found nothing at user ota']);
    },
  );

  it('is that it found nothing where there is nothing for its module', async () => {
    await open();
    site.shelf = site.shelf.map((publication) => ({ ...publication, terms: { ...publication.terms, gprs: false } }));
    const line = await site.loggedIn();
    expect(await line.ask('SIZE .gprs/UPGRADE.TXT')).toMatch(/^550 /);
    expect(await line.ask('CWD .gprs/')).toMatch(/^550 /);
    expect(await line.ask('SIZE OTHER01')).toMatch(/^550 /);
    expect(site.told).toEqual(['ota@127.0.0.1 found nothing at user ota']);
  });

  it('is nothing of that when it logs in anew and fetches again', async () => {
    await open({}, hastened(4));
    for (let visit = 0; visit < 2; visit += 1) {
      const first = await site.loggedIn();
      await first.fetch('RETR UPGRADE.TXT');
      await closed(first);
      const second = await site.loggedIn();
      await second.fetch('RETR TEST001');
      await closed(second);
    }
    await expect.poll(() => site.told.filter((words) => words.endsWith('whole'))).toHaveLength(2);
    expect(site.told.filter((words) => words.includes('confirmed'))).toEqual([]);
  });

  it('is that it fetched nothing, also where it looks more often than it is waited for', async () => {
    await open({}, hastened(4));
    const line = await site.loggedIn();
    await line.fetch('RETR TEST001');
    await closed(line);
    await expect.poll(() => site.told).toContain('ota@127.0.0.1 has r1 whole');
    while (!site.told.includes('ota@127.0.0.1 confirmed r1')) {
      const visit = await site.loggedIn();
      await visit.fetch('RETR UPGRADE.TXT');
      await closed(visit);
    }
    expect(site.told.filter((words) => words.includes('looked')).length).toBeGreaterThan(2);
  });

  it('is where a transfer broke off', async () => {
    await open();
    const line = await site.loggedIn();
    const [, high, low] = /(\d+),(\d+)\)\.$/.exec(await line.ask('PASV')) ?? [];
    const data = connect(Number(high) * 256 + Number(low), '127.0.0.1');
    data.on('error', () => undefined);
    await once(data, 'connect');
    data.resetAndDestroy();
    expect(await line.ask('RETR TEST001')).toMatch(/^150/);
    expect(await line.reply()).toMatch(/^426/);
    await expect.poll(() => site.told.at(-1)).toMatch(/^ota@127.0.0.1 broke off WASPMOTE_BROKEN_OFF after /);
  });

  it('is known before the server has stopped, also where the session is over and bytes are still on their way', async () => {
    await open();
    const line = await site.loggedIn();
    const [, high, low] = /(\d+),(\d+)\)\.$/.exec(await line.ask('PASV')) ?? [];
    const data = connect({ port: Number(high) * 256 + Number(low), host: '127.0.0.1', allowHalfOpen: true });
    data.on('error', () => undefined);
    expect(await line.ask('RETR TEST001')).toMatch(/^150/);
    expect(await line.reply()).toMatch(/^226/);
    await line.ask('QUIT');
    await line.reply();
    await site.server.stop();
    expect(site.told).toEqual(['ota@127.0.0.1 fetches r1', 'ota@127.0.0.1 broke off WASPMOTE_BROKEN_OFF after 20000']);
    data.destroy();
  });

  it('keeps giving the program that it was told of, though a newer one stands there', async () => {
    await open();
    const line = await site.loggedIn();
    await line.fetch('RETR UPGRADE.TXT');
    site.shelf = [aPublication({ release: 'r2', terms: { name: 'OTHER02', gprs: true, quietMs: 1_000 } })];
    expect((await line.fetch('RETR TEST001'))?.equals(PROGRAM)).toBe(true);
    expect(String(await line.fetch('RETR UPGRADE.TXT'))).toContain('FILE:OTHER02');
    expect(await line.fetch('RETR TEST001')).toBe(null);
    site.shelf = [];
    expect(await line.fetch('RETR OTHER02')).toBe(null);
  });
});
