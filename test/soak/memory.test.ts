import { describe, expect, it } from 'vitest';
import { growthOf, lifeOf, together } from '../../proof/soak/memory.js';
import type { Sample } from '../../proof/soak/processes.js';

const MB = 1e6;

/** Returns a sample for each second of a process whose memory the function gives in MB. */
const life = (pid: number, start: number, end: number, megabytes: (seconds: number) => number): Sample[] =>
  Array.from({ length: end - start }, (_, index) => ({
    seconds: start + index,
    role: 'main' as const,
    pid,
    residentBytes: megabytes(start + index) * MB,
    files: 20,
  }));

describe('the growth of memory', () => {
  it('is not the garbage collector’s ups and downs', () => {
    const samples = life(1, 0, 1800, (seconds) => 200 + (seconds % 40));
    const { growth, perHour } = growthOf(lifeOf(samples, 'main', 300, 1800))!;
    expect(Math.abs(growth)).toBeLessThan(0.01);
    expect(Math.abs(perHour)).toBeLessThan(0.01);
  });

  it('is found for a leak, with any fluctuation on top of it', () => {
    const samples = life(1, 0, 1800, (seconds) => 200 + (seconds % 40) + seconds / 36);
    const { growth, perHour } = growthOf(lifeOf(samples, 'main', 300, 1800))!;
    expect(growth).toBeGreaterThan(0.1);
    // 100 MB an hour, relative to a little more than 200 MB.
    expect(perHour).toBeGreaterThan(0.4);
    expect(perHour).toBeLessThan(0.5);
  });

  it('is not caused by a single peak', () => {
    const samples = life(1, 0, 1800, (seconds) => (seconds > 1000 && seconds < 1060 ? 900 : 200));
    expect(growthOf(lifeOf(samples, 'main', 300, 1800))!.growth).toBe(0);
  });

  it('excludes the warm-up', () => {
    const samples = life(1, 0, 1800, (seconds) => Math.min(200, 20 + seconds));
    expect(growthOf(lifeOf(samples, 'main', 300, 1800))!.growth).toBe(0);
  });

  it('is that of the process that lived longest, not from one process to the next', () => {
    const samples = [...life(1, 0, 1300, () => 100), ...life(2, 1300, 1800, () => 200)];
    const judged = lifeOf(samples, 'main', 300, 1800);
    expect(judged.every(({ pid }) => pid === 1)).toBe(true);
    const { growth, seconds } = growthOf(judged)!;
    expect([growth, seconds]).toEqual([0, 999]);
  });

  it('cannot be determined from a few samples', () => {
    expect(growthOf(life(1, 0, 5, () => 100))).toBeNull();
    expect(growthOf([])).toBeNull();
  });

  it('is that of several processes together while all of them existed', () => {
    const both = together([life(1, 0, 600, () => 100), life(2, 100, 600, (seconds) => seconds)]);
    expect(both[0]).toEqual({ seconds: 100, residentBytes: 200 * MB });
    expect(both).toHaveLength(500);
    expect(growthOf(both)!.growth).toBeGreaterThan(0.5);
  });
});
