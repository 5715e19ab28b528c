import type { Role, Sample } from './processes.js';

/** A life is cut into so many windows of the same length. */
const WINDOWS = 6;

const SECONDS_PER_HOUR = 3600;

/** Resident memory at a moment. */
export interface Resident {
  /** From the start. */
  readonly seconds: number;
  readonly residentBytes: number;
}

/** How memory changed. */
export interface Growth {
  /** For how long it was watched. */
  readonly seconds: number;
  /** Each with its middle and the median of its samples. */
  readonly windows: readonly Resident[];
  /** Growth from the first window to the last: 0.05 is 5 % more. */
  readonly growth: number;
  /** Slope of the median line through all windows, as a part of the first window, per hour. */
  readonly perHour: number;
}

/** The memory of one process from `start` to `end`: of those that had the role then, the one that lived longest. */
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

/** The memory of several processes together, at the moments at which all of them were there. */
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
 * How memory changed. By medians, since what the garbage collector has not yet taken comes and goes. Null where there are
 * fewer samples than windows.
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

/** Theil and Sen's: the median of the slopes between any two, which single windows that are off cannot turn. */
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
