import type { Role, Sample } from './processes.js';

/** A life is cut into so many windows of the same length. */
const WINDOWS = 6;

const SECONDS_PER_HOUR = 3600;

export interface Window {
  /** Its middle, from the start. */
  readonly seconds: number;
  /** The median of its samples. */
  readonly residentBytes: number;
}

/** How the memory of a process changed in a part of its life. */
export interface Growth {
  readonly role: Role;
  readonly pid: number;
  /** The length of that part. */
  readonly seconds: number;
  readonly windows: readonly Window[];
  /** Of the last window over the first: 0.05 is 5 % more. */
  readonly growth: number;
  /** Of the median line through all windows, as a part of the first window, per hour. */
  readonly perHour: number;
}

/**
 * How the memory of one process changed from `start` to `end`: of those that had the role then, the one that lived longest.
 * Medians, since what the garbage collector has not yet taken comes and goes. Null where there are fewer samples than
 * windows.
 */
export function memoryGrowth(
  samples: readonly Sample[],
  role: Role,
  start: number,
  end: number,
): Growth | null {
  const of = samples.filter((one) => one.role === role && one.seconds >= start && one.seconds <= end);
  const lives = [...new Set(of.map(({ pid }) => pid))].map((pid) => of.filter((one) => one.pid === pid));
  const [life] = lives.sort((a, b) => b.length - a.length);
  if (!life || life.length < WINDOWS) return null;
  const windows = windowsOf(life);
  const [first] = windows;
  const { residentBytes: last } = windows[WINDOWS - 1];
  return {
    role,
    pid: life[0].pid,
    seconds: life[life.length - 1].seconds - life[0].seconds,
    windows,
    growth: last / first.residentBytes - 1,
    perHour: (SECONDS_PER_HOUR * medianSlope(windows)) / first.residentBytes,
  };
}

function windowsOf(life: readonly Sample[]): Window[] {
  return Array.from({ length: WINDOWS }, (_, index) => {
    const samples = life.slice(
      Math.floor((index * life.length) / WINDOWS),
      Math.floor(((index + 1) * life.length) / WINDOWS),
    );
    return {
      seconds: median(samples.map(({ seconds }) => seconds)),
      residentBytes: median(samples.map(({ residentBytes }) => residentBytes)),
    };
  });
}

/** Theil and Sen's: the median of the slopes between any two, which single windows that are off cannot turn. */
function medianSlope(windows: readonly Window[]): number {
  const slopes = windows.flatMap((a, index) =>
    windows.slice(index + 1).map((b) => (b.residentBytes - a.residentBytes) / (b.seconds - a.seconds)),
  );
  return median(slopes);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
