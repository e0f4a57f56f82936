import type { ErrorTable } from './entry.ts';

/** What hinders the drop folder. */
export const WATCHER_ERRORS = {
  WATCH_FOLDER_UNUSABLE: {
    disposition: 'fatal',
    hint: 'Correct drop.path in the config, or give dropflash the right to write there.',
  },
  WATCH_FOLDER_GONE: {
    disposition: 'retry',
    hint: 'Mount the share or make the folder again; dropflash goes on by itself as soon as it is back.',
  },
  WATCH_NO_EVENTS: {
    disposition: 'retry',
    hint: 'Raise fs.inotify.max_user_watches or max_user_instances, or set the config to polling.',
  },
  WATCH_UNREADABLE: {
    disposition: 'retry',
    hint: 'Give dropflash the right to read the file, or close the program that holds it.',
  },
  WATCH_NOT_TAKEN: {
    disposition: 'retry',
    hint: 'Look at the cause in the message; the file stays where it is and is tried again.',
  },
  WATCH_MOVE_FAILED: {
    disposition: 'retry',
    hint: 'Give dropflash the right to write in the drop folder and its sub-folders, and free some space there.',
  },
  WATCH_EMPTY: { disposition: 'retry', hint: 'Copy the file again, or remove it; it holds no bytes.' },
  WATCH_LINK: { disposition: 'permanent', hint: 'Drop the file itself; links are not followed.' },
  WATCH_NOT_A_FILE: { disposition: 'permanent', hint: 'Remove it; only plain files are taken.' },
  WATCH_STILL_GROWING: {
    disposition: 'retry',
    hint: 'Look for the program that writes to the file; it is taken once it stands still.',
  },
  WATCH_CUT_OFF: {
    disposition: 'retry',
    hint: 'Send the rest of the file (sftp reput, curl -C -, rsync --append-verify) or all of it again.',
  },
  WATCH_UNKNOWN_FILE: {
    disposition: 'permanent',
    hint: 'Move it to the drop folder to have it flashed, or remove it.',
  },
} as const satisfies ErrorTable;
