import { describe, expect, it } from 'vitest';
import { sampleSize, statisticsWork } from '../../src/statistics/cost.js';

const work = (...blockShape: number[]) => statisticsWork([{ blockShape }]);

describe('the work of statistics', () => {
  it('grows linearly with the rows of a tall matrix', () => {
    expect(work(2_000_000, 8) / work(1_000_000, 8)).toBeLessThan(2.1);
    expect(work(1_000_000, 1)).toBeLessThan(2 ** 33);
  });

  it('is large for a large square, and small for the weights of common networks', () => {
    expect(work(6000, 6000)).toBeGreaterThan(2 ** 33);
    expect(work(512, 512, 3, 3)).toBeLessThan(2 ** 33);
  });
});

it('a sample of rows is compared if comparing all would take long and is not needed for the rank', () => {
  expect(sampleSize({ rows: 1_000_003, columns: 1 })).toBe(2048);
  expect(sampleSize({ rows: 50_257, columns: 768 })).toBe(2048);
  expect(sampleSize({ rows: 9000, columns: 9000 })).toBe(2048);
  expect(sampleSize({ rows: 8000, columns: 9000 })).toBeNull();
  expect(sampleSize({ rows: 1000, columns: 512 })).toBeNull();
});
