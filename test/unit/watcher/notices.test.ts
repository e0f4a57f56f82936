import { expect, it } from 'vitest';
import { FlashError } from '../../../src/errors.ts';
import { Notices } from '../../../src/watcher/notices.ts';
import { RecordingLogger } from './support.ts';

const EMPTY = new FlashError('WATCH_EMPTY', '"a.bin" is empty');
const UNREADABLE = new FlashError('WATCH_UNREADABLE', '"a.bin" cannot be read (EACCES)');

it('a trouble is said once, counted while it lasts, and said again when it comes back', () => {
  const log = new RecordingLogger();
  const notices = new Notices(log);
  for (let turn = 0; turn < 3; turn += 1) notices.tell('a.bin', 'file.left', EMPTY, { file: 'a.bin' });
  expect(log.of('file.left')).toMatchObject([{ level: 'warn', file: 'a.bin', code: 'WATCH_EMPTY', hint: EMPTY.hint }]);
  notices.settle('a.bin');
  notices.settle('a.bin');
  expect(log.of('drop.trouble_over')).toMatchObject([{ level: 'debug', code: 'WATCH_EMPTY', times: 3 }]);
  notices.tell('a.bin', 'file.left', EMPTY);
  expect(log.of('file.left')).toHaveLength(2);
});

it('another trouble with the same subject is said, and so is the same with another', () => {
  const log = new RecordingLogger();
  const notices = new Notices(log);
  notices.tell('a.bin', 'file.left', EMPTY);
  notices.tell('a.bin', 'file.left', UNREADABLE);
  notices.tell('b.bin', 'file.left', EMPTY);
  expect(log.of('file.left')).toHaveLength(3);
});
