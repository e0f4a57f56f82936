import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DaemonProcess } from '../test/integration/daemon/daemon-process.ts';

/** The built daemon with a config and a folder of its own, gone at the end of the scope. */
export class DaemonSite implements AsyncDisposable {
  readonly home: string;
  readonly daemon: DaemonProcess;

  private constructor(home: string, daemon: DaemonProcess) {
    this.home = home;
    this.daemon = daemon;
  }

  /** Resolves when the daemon is ready. `config`: everything but `version`, `drop` and `data`. */
  static async open(config: string): Promise<DaemonSite> {
    const home = mkdtempSync(join(tmpdir(), 'dropflash-bench-'));
    mkdirSync(join(home, 'drop'));
    writeFileSync(join(home, 'config.yaml'), `version: 1\ndrop: { path: ./drop }\ndata: ./data\n${config}`);
    const site = new DaemonSite(home, new DaemonProcess([], { cwd: home }));
    await site.daemon.until('daemon.ready');
    return site;
  }

  /** Writes the file as it stands. Returns when its last byte was written, epoch ms. */
  write(name: string, bytes: Uint8Array): number {
    writeFileSync(join(this.home, 'drop', name), bytes);
    return Date.now();
  }

  /** Renames the file into place. Returns when that was done, epoch ms. */
  moveIn(name: string, bytes: Uint8Array): number {
    const elsewhere = join(this.home, name);
    writeFileSync(elsewhere, bytes);
    renameSync(elsewhere, join(this.home, 'drop', name));
    return Date.now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon.stop();
    rmSync(this.home, { recursive: true, force: true });
  }
}
