import { describe, expect, it } from 'vitest';
import { Liveness } from '../../src/process/liveness.js';

/**
 * Returns the number of checks until the process counts as hung. If `isAlive`, a sign of life comes before each check.
 */
function ticksUntilHung(liveness: Liveness, { isAlive }: { isAlive: boolean }, most = 1000): number | null {
  for (let tick = 1; tick <= most; tick++) {
    if (isAlive) liveness.heard();
    if (liveness.tick()) return tick;
  }
  return null;
}

describe('a process that gives no sign of life', () => {
  const LIMITS = { firstSilence: 20, silence: 10, start: 40 };

  it('counts as hung earlier once it has started before', () => {
    const liveness = new Liveness(LIMITS);
    liveness.starts();
    expect(ticksUntilHung(liveness, { isAlive: false })).toBe(20);
    liveness.starts();
    liveness.started();
    liveness.heard();
    expect(ticksUntilHung(liveness, { isAlive: false })).toBe(10);
  });

  it('has twice the time after each start that was too slow, up to sixteen times', () => {
    const liveness = new Liveness(LIMITS);
    liveness.starts();
    liveness.started();
    const limits = Array.from({ length: 6 }, () => {
      liveness.starts();
      return ticksUntilHung(liveness, { isAlive: false });
    });
    expect(limits).toEqual([10, 20, 40, 80, 160, 160]);
  });

  it('is suspect much earlier, while it starts', () => {
    const liveness = new Liveness(LIMITS);
    liveness.starts();
    expect(liveness.isSuspect).toBe(false);
    for (let tick = 0; tick < 5; tick++) liveness.tick();
    expect(liveness.isSuspect).toBe(true);
    liveness.heard();
    expect(liveness.isSuspect).toBe(false);
  });
});

describe('a process that is alive', () => {
  it('may take any time for its first start, and ten times as long for the others', () => {
    const liveness = new Liveness({ firstSilence: 20, silence: 10, start: 5 });
    liveness.starts();
    expect(ticksUntilHung(liveness, { isAlive: true }, 100)).toBeNull();
    liveness.started();
    expect(ticksUntilHung(liveness, { isAlive: true }, 5000)).toBeNull();
    liveness.starts();
    expect(ticksUntilHung(liveness, { isAlive: true }, 5000)).toBe(1000);
  });
});
