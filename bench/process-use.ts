import { readFileSync } from 'node:fs';

/** Ticks of the processor times in /proc (proc(5), sysconf(_SC_CLK_TCK)); 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** What a process has used so far. Linux only. */
export interface ProcessUse {
  readonly cpuSeconds: number;
  readonly rssMegabytes: number;
  readonly peakRssMegabytes: number;
}

/** Reads /proc/PID; throws the system's error where there is none. */
export function useOf(pid: number): ProcessUse {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The command's name stands in parentheses and may hold anything; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const megabytes = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    rssMegabytes: megabytes('VmRSS'),
    peakRssMegabytes: megabytes('VmHWM'),
  };
}
