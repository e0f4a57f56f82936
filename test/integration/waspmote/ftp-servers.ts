import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findProgram, hasPythonModule, PYTHON } from './programs.ts';
import { freePort } from './waspmote-site.ts';

/** An FTP server of somebody else's, as a distribution brings it. */
export interface OtherFtpServer {
  readonly name: string;
  /** Why it cannot be run here; null: it can. */
  readonly missing: string | null;
  readonly user: string;
  start(folder: string, port: number): ChildProcess;
}

/** `libelium`, by crypt(3): pure-pw would take Argon2, which costs a second for each login. */
const PASSWORD_HASH =
  '$6$dropflash$vvMYKOAVO0oxKFKC08uVpEqFvRCM4xnbkr6Ww8z/lK2Lp8ZAbmAxniO8cDvYcS/Dl9vcVLGrAWLxTZLPNt88/.';
const QUIET = { stdio: 'ignore' } as const;

const vsftpd: OtherFtpServer = {
  name: 'vsftpd',
  missing: findProgram('vsftpd') === null ? 'vsftpd is not installed' : null,
  user: 'anonymous',
  start(folder, port) {
    const config = join(folder, '..', 'vsftpd.conf');
    const empty = join(folder, '..', 'empty');
    mkdirSync(empty);
    const settings = {
      listen: 'YES',
      listen_address: '127.0.0.1',
      listen_port: port,
      background: 'NO',
      run_as_launching_user: 'YES',
      anonymous_enable: 'YES',
      no_anon_password: 'YES',
      write_enable: 'YES',
      anon_upload_enable: 'YES',
      anon_mkdir_write_enable: 'YES',
      anon_other_write_enable: 'YES',
      anon_umask: '022',
      anon_root: folder,
      allow_writeable_chroot: 'YES',
      secure_chroot_dir: empty,
      seccomp_sandbox: 'NO',
      xferlog_enable: 'NO',
    };
    writeFileSync(
      config,
      Object.entries(settings)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
    return spawn(findProgram('vsftpd') ?? '', [config], QUIET);
  },
};

const pureFtpd: OtherFtpServer = {
  name: 'pure-ftpd',
  missing: whyNoPureFtpd(),
  user: 'ota',
  start(folder, port) {
    const [passwords, database] = [join(folder, '..', 'passwords'), join(folder, '..', 'passwords.pdb')];
    const [uid, gid] = ['12345', '12345'];
    chownSync(folder, Number(uid), Number(gid));
    writeFileSync(passwords, `${this.user}:${PASSWORD_HASH}:${uid}:${gid}::${folder}/./::::::::::::\n`);
    spawnSync(findProgram('pure-pw') ?? '', ['mkdb', database, '-f', passwords]);
    const args = ['-S', `127.0.0.1,${port}`, '-l', `puredb:${database}`, '-E', '-A', '-H', '-U', '133:022', '-c', '10'];
    return spawn(findProgram('pure-ftpd') ?? '', args, QUIET);
  },
};

function whyNoPureFtpd(): string | null {
  if (findProgram('pure-ftpd') === null || findProgram('pure-pw') === null) return 'pure-ftpd is not installed';
  return process.getuid?.() === 0 ? null : 'pure-ftpd runs as root only';
}

const SCRIPT = `
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
users = DummyAuthorizer()
users.add_user('ota', 'libelium', sys.argv[1], perm='elradfmwMT')
FTPHandler.authorizer = users
FTPServer(('127.0.0.1', int(sys.argv[2])), FTPHandler).serve_forever()
`;

const pyftpdlib: OtherFtpServer = {
  name: 'pyftpdlib',
  missing: hasPythonModule('pyftpdlib') ? null : 'pyftpdlib is not installed',
  user: 'ota',
  start: (folder, port) => spawn(PYTHON, ['-c', SCRIPT, folder, `${port}`], QUIET),
};

export const OTHER_FTP_SERVERS: readonly OtherFtpServer[] = [vsftpd, pureFtpd, pyftpdlib];

/** One of them at work, with the folder that its user comes to. */
export class RunningFtpServer {
  readonly #base = mkdtempSync(join(tmpdir(), 'dropflash-ftp-server-'));
  readonly folder = join(this.#base, 'home');
  readonly #child: ChildProcess;
  readonly port: number;

  private constructor(server: OtherFtpServer, port: number) {
    this.port = port;
    mkdirSync(this.folder);
    // The servers drop their rights, and have to get through to it all the same.
    spawnSync('chmod', ['755', this.#base]);
    this.#child = server.start(this.folder, port);
  }

  static async start(server: OtherFtpServer): Promise<RunningFtpServer> {
    const running = new RunningFtpServer(server, await freePort());
    while (!(await answers(running.port))) {
      if (running.#child.exitCode !== null) throw new Error(`${server.name} ended with ${running.#child.exitCode}`);
      await pause(50);
    }
    return running;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'exit');
    }
    rmSync(this.#base, { recursive: true });
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    const [greeting] = await once(socket, 'data');
    return String(greeting).startsWith('220');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
