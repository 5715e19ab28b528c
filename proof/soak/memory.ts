import type { Role, Sample } from './processes.js';

/** Number of windows of equal length that a process's life is divided into. */
const WINDOWS = 6;

const SECONDS_PER_HOUR = 3600;

/** Resident memory at one time. */
export interface Resident {
  /** Seconds from the start. */
  readonly seconds: number;
  readonly residentBytes: number;
}

/** The change of memory over time. */
export interface Growth {
  /** Duration of the observation. */
  readonly seconds: number;
  /** Each window with its middle and the median of its samples. */
  readonly windows: readonly Resident[];
  /** Growth from the first window to the last: 0.05 is 5 % more. */
  readonly growth: number;
  /** Slope of the median line through all windows, relative to the first window, per hour. */
  readonly perHour: number;
}

/**
 * Returns the memory of one process from `start` to `end`: of the processes with that role, the one that lived
 * longest.
 */
export function lifeOf(
  samples: readonly Sample[],
  role: Role,
  start: number,
  end: number,
): readonly Sample[] {
  const of = samples.filter((one) => one.role === role && one.seconds >= start && one.seconds <= end);
  const lives = [...new Set(of.map(({ pid }) => pid))].map((pid) => of.filter((one) => one.pid === pid));
  return lives.sort((a, b) => b.length - a.length)[0] ?? [];
}

/** Returns the total memory of several processes, at the times when all of them existed. */
export function together(lives: readonly (readonly Sample[])[]): readonly Resident[] {
  const [first, ...others] = lives.map(
    (life) => new Map(life.map(({ seconds, residentBytes }) => [seconds, residentBytes])),
  );
  return [...(first ?? [])].flatMap(([seconds, bytes]) => {
    const rest = others.map((life) => life.get(seconds) ?? Number.NaN);
    const residentBytes = rest.reduce((sum, other) => sum + other, bytes);
    return Number.isNaN(residentBytes) ? [] : { seconds, residentBytes };
  });
}

/**
 * Returns the change of memory. It uses medians, because garbage that is not collected yet makes the samples fluctuate.
 * Returns null if there are fewer samples than windows.
 */
export function growthOf(life: readonly Resident[]): Growth | null {
  if (life.length < WINDOWS) return null;
  const windows = windowsOf(life);
  const [first] = windows;
  const { residentBytes: last } = windows[WINDOWS - 1];
  return {
    seconds: life[life.length - 1].seconds - life[0].seconds,
    windows,
    growth: last / first.residentBytes - 1,
    perHour: (SECONDS_PER_HOUR * medianSlope(windows)) / first.residentBytes,
  };
}

function windowsOf(life: readonly Resident[]): Resident[] {
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

/**
 * Returns Theil and Sen's estimate: the median of the slopes between any two windows, which single outliers cannot
 * change.
 */
function medianSlope(windows: readonly Resident[]): number {
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
