import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { GENESIS, type Link } from './chain.ts';
import { segmentsIn } from './segments.ts';
import { type Flaw, walk } from './walk.ts';

/** A flaw with its file; `lost` and `replaced` are told by the journal, which remembers how far the log had come. */
export interface AuditFinding {
  readonly file: string | null;
  readonly line: number | null;
  readonly kind: Flaw['kind'] | 'lost' | 'replaced' | 'not-contained';
  readonly message: string;
}

/** What a check of the whole log has found; `audit verify --json` prints it as it is. */
export interface AuditVerdict {
  readonly isIntact: boolean;
  readonly files: readonly string[];
  readonly records: number;
  /** The last record. Whoever keeps its hash elsewhere can show later that nothing before it was rewritten. */
  readonly head: Link;
  readonly findings: readonly AuditFinding[];
  /** A record that is being written, or that a crash cut off: closed by the next start of the daemon. */
  readonly unfinishedBytes: number;
}

/** What the log is compared with, beyond itself. */
export interface VerifyOptions {
  /** What the journal knows of the log; null where there is no journal. */
  readonly head: Link | null;
  /** A hash that was noted earlier; it has to be among the records. */
  readonly contains?: string;
}

/** Checks every record of the audit log in a data folder, from the first to the last. Changes nothing. */
export function verifyAudit(folder: string, { head, contains }: VerifyOptions): AuditVerdict {
  const findings: AuditFinding[] = [];
  let link = GENESIS;
  let records = 0;
  let unfinishedBytes = 0;
  let hashAtHead: string | null = null;
  let isContained = contains === undefined;
  const files = segmentsIn(folder);
  for (const path of files) {
    const file = basename(path);
    const walked = walk(readFileSync(path), link, ({ seq, hash }) => {
      records += 1;
      if (seq === head?.seq) hashAtHead = hash;
      if (hash === contains) isContained = true;
    });
    for (const flaw of walked.flaws) findings.push({ ...flaw, file });
    if (walked.unfinishedBytes > 0 && path !== files.at(-1)) {
      const message = `${walked.unfinishedBytes} bytes that are no record follow on record ${walked.link.seq}`;
      findings.push({ file, line: null, kind: 'changed', message });
    }
    ({ link, unfinishedBytes } = walked);
  }
  if (head !== null) findings.push(...againstJournal(link, hashAtHead, head));
  if (!isContained)
    findings.push({ file: null, line: null, kind: 'not-contained', message: `no record has the hash ${contains}` });
  return {
    isIntact: findings.length === 0,
    files: files.map((path) => basename(path)),
    records,
    head: link,
    findings,
    unfinishedBytes,
  };
}

function againstJournal(link: Link, hashAtHead: string | null, head: Link): AuditFinding[] {
  const at = { file: null, line: null } as const;
  if (link.seq < head.seq) {
    return [
      { ...at, kind: 'lost', message: `the log ends with record ${link.seq}; the journal knows of record ${head.seq}` },
    ];
  }
  if (hashAtHead === head.hash || hashAtHead === null) return [];
  return [
    {
      ...at,
      kind: 'replaced',
      message: `record ${head.seq} is not the one that the journal knows of: the log was written anew`,
    },
  ];
}
