import { type Growth, growthOf, lifeOf, median, together } from './memory.js';
import { ROLES } from './processes.js';
import type { Soaked } from './soak.js';

/**
 * Largest growth of memory from the first window after the warm-up to the last, relative to the memory of all
 * processes.
 */
const MAX_GROWTH = 0.05;

/** Memory that was observed for a shorter time is reported, but not judged. */
const MIN_JUDGED_SECONDS = 300;

/** Name of the total of all processes. */
const ALL = 'all';

/** One of the conditions that must hold; null if it could not be judged. */
export interface Check {
  readonly name: string;
  readonly holds: boolean | null;
  readonly says: string;
}

export interface Latency {
  readonly what: string;
  readonly count: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Figures of one process, or of all together. */
interface NamedGrowth extends Growth {
  readonly name: string;
}

export interface Verdict {
  readonly holds: boolean;
  readonly checks: readonly Check[];
  readonly latencies: readonly Latency[];
  readonly memory: readonly NamedGrowth[];
}

export function verdictOf(soaked: Soaked): Verdict {
  const memory = growths(soaked);
  const altogether = memory.find(({ name }) => name === ALL)?.windows[0].residentBytes ?? 0;
  const checks = [
    answers(soaked),
    digests(soaked),
    store(soaked),
    ...[ALL, ...ROLES].map((name) =>
      flatness(
        name,
        memory.find((one) => one.name === name),
        altogether,
      ),
    ),
    ...files(soaked),
  ];
  return {
    holds: checks.every(({ holds }) => holds !== false),
    checks,
    latencies: latencies(soaked),
    memory,
  };
}

function growths({ samples, judged: { from, firstKill, to } }: Soaked): NamedGrowth[] {
  const named = (name: string, growth: Growth | null) => (growth ? [{ name, ...growth }] : []);
  // A killed engine starts a new life.
  const ends = { main: to, predictor: firstKill, statistics: to };
  const lives = ROLES.map((role) => lifeOf(samples, role, from, ends[role]));
  return [
    ...named(ALL, growthOf(together(lives))),
    ...ROLES.flatMap((role, index) => named(role, growthOf(lives[index]))),
  ];
}

function answers({ ledger }: Soaked): Check {
  const count = [...ledger.unexpected.values()].reduce((sum, fault) => sum + fault.count, 0);
  const done = [...ledger.done.values()].reduce((sum, times) => sum + times, 0);
  return {
    name: 'answers',
    holds: count === 0 && done > 0,
    says: `${done} clients served, ${count} unexpected answers`,
  };
}

function digests({ ledger: { digests } }: Soaked): Check {
  return {
    name: 'digests',
    holds: digests.wrong === 0 && digests.checked > 0,
    says: `${digests.checked} checked, ${digests.wrong} wrong`,
  };
}

function store({ predictions: { made, stored } }: Soaked): Check {
  return {
    name: 'store',
    holds: stored > 0,
    says: `${made} predictions were downloaded, ${stored} were stored at the end and whole, the rest evicted`,
  };
}

/**
 * Checks that no process grows by more than a part of the memory of all processes. A small process alone fluctuates by
 * more than that part of its own memory, because its garbage collector and its allocator return memory late.
 */
function flatness(name: string, watched: NamedGrowth | undefined, altogether: number): Check {
  if (!watched) return { name: `memory, ${name}`, holds: null, says: 'too few samples' };
  const { seconds, windows, growth, perHour } = watched;
  const megabytes = windows.map(({ residentBytes }) => (residentBytes / 1e6).toFixed(0));
  const grown = growth * windows[0].residentBytes;
  return {
    name: `memory, ${name}`,
    holds: seconds < MIN_JUDGED_SECONDS ? null : grown <= MAX_GROWTH * altogether,
    says:
      `${signed(growth)} in ${(seconds / 60).toFixed(1)} minutes, by the median slope ` +
      `${signed((perHour * seconds) / 3600)}; medians of sixths: ${megabytes.join(', ')} MB`,
  };
}

const signed = (part: number) => `${part < 0 ? '' : '+'}${(100 * part).toFixed(1)} %`;

function files({ idleFiles: [before, after] }: Soaked): Check[] {
  return [...before].map(([role, start]) => {
    const end = after.get(role) ?? 0;
    return {
      name: `open files, ${role}`,
      holds: end <= start,
      says: `${start} when idle after the warm-up, ${end} when idle at the end of the same service's life`,
    };
  });
}

function latencies({ ledger }: Soaked): Latency[] {
  return [...ledger.latencies].map(([what, unsorted]) => {
    const sorted = [...unsorted].sort((a, b) => a - b);
    const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
    return { what, count: sorted.length, p50: median(sorted), p90: at(0.9), p99: at(0.99), max: at(1) };
  });
}
