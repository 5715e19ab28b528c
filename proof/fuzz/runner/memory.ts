import { readFileSync, writeFileSync } from 'node:fs';

/** Measures the peak of the resident memory of this process above its initial value. */
export interface PeakMeter {
  /** Starts a measurement. */
  start(): void;
  /** Returns the bytes since `start`. */
  stop(): number;
}

/** Written to /proc/self/clear_refs, this resets Linux's record of the peak resident size (proc(5)). */
const FORGET = '5';

function resident(field: 'VmRSS' | 'VmHWM'): number {
  const line = readFileSync('/proc/self/status', 'latin1').match(new RegExp(`^${field}:\\s*(\\d+) kB`, 'm'));
  return Number(line![1]) * 1024;
}

/** Creates a meter. If the system does not record the peak, the meter measures the memory that remains in use. */
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
