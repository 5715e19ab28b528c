import { describe, expect, it } from 'vitest';
import { quotaCores } from '../../src/engine/cores.js';

describe('the cores of a container', () => {
  it.each([
    ['200000', '100000', 2],
    ['150000', '100000', 2],
    ['50000', '100000', 1],
    ['max', '100000', null],
    ['-1', '100000', null],
    ['', '', null],
  ])('with a quota of %s µs in each %s µs are %s', (quota, period, cores) => {
    expect(quotaCores(quota, period)).toBe(cores);
  });
});
