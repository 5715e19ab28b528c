import { describe, expect, it, vi } from 'vitest';
import { RecentResults } from '../../src/predictions/recent-results.js';

describe('recent results', () => {
  it('are computed once, whoever asks meanwhile or later', async () => {
    const results = new RecentResults<number>(2);
    const compute = vi.fn(async () => 42);
    expect(await Promise.all([results.get('a', compute), results.get('a', compute)])).toEqual([42, 42]);
    expect(await results.get('a', compute)).toBe(42);
    expect(compute).toHaveBeenCalledTimes(1);
  });

  it('are forgotten but for those asked for last', async () => {
    const results = new RecentResults<string>(2);
    const computed: string[] = [];
    const get = (id: string) =>
      results.get(id, async () => {
        computed.push(id);
        return id;
      });
    for (const id of ['a', 'b', 'a', 'c', 'a', 'b']) expect(await get(id)).toBe(id);
    expect(computed).toEqual(['a', 'b', 'c', 'b']);
  });

  it('are tried again after a failure, of which all who waited are told', async () => {
    const results = new RecentResults<number>(2);
    const failing = async () => Promise.reject(new Error('lost'));
    const outcomes = await Promise.allSettled([results.get('a', failing), results.get('a', failing)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await results.get('a', async () => 1)).toBe(1);
  });
});
