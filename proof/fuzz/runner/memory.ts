import { readFileSync, writeFileSync } from 'node:fs';

/** Measures how much resident memory this process takes at its peak beyond what it had. */
export interface PeakMeter {
  /** Begins to measure. */
  start(): void;
  /** Bytes since `start`. */
  stop(): number;
}

/** Written here, it makes Linux forget the highest resident size so far (proc(5), clear_refs). */
const FORGET = '5';

function resident(field: 'VmRSS' | 'VmHWM'): number {
  const line = readFileSync('/proc/self/status', 'latin1').match(new RegExp(`^${field}:\\s*(\\d+) kB`, 'm'));
  return Number(line![1]) * 1024;
}

/** Where the system tells no peak, what is left behind is measured in its place. */
export function peakMeter(): PeakMeter {
  let before = 0;
  try {
    writeFileSync('/proc/self/clear_refs', FORGET);
    resident('VmHWM');
  } catch {
    return {
      start: () => {
        before = process.memoryUsage.rss();
      },
      stop: () => Math.max(0, process.memoryUsage.rss() - before),
    };
  }
  return {
    start: () => {
      writeFileSync('/proc/self/clear_refs', FORGET);
      before = resident('VmRSS');
    },
    stop: () => Math.max(0, resident('VmHWM') - before),
  };
}
