import { describe, expect, it, vi } from 'vitest';
import { RecentResults } from '../../src/predictions/recent-results.js';

const { signal } = new AbortController();

describe('recent results', () => {
  it('are computed once for all clients that ask meanwhile or later', async () => {
    const results = new RecentResults<number>(2);
    const compute = vi.fn(async () => 42);
    expect(await Promise.all([results.get('a', compute, signal), results.get('a', compute, signal)])).toEqual(
      [42, 42],
    );
    expect(await results.get('a', compute, signal)).toBe(42);
    expect(compute).toHaveBeenCalledTimes(1);
  });

  it('are forgotten except for those requested last', async () => {
    const results = new RecentResults<string>(2);
    const computed: string[] = [];
    const get = (id: string) =>
      results.get(
        id,
        async () => {
          computed.push(id);
          return id;
        },
        signal,
      );
    for (const id of ['a', 'b', 'a', 'c', 'a', 'b']) expect(await get(id)).toBe(id);
    expect(computed).toEqual(['a', 'b', 'c', 'b']);
  });

  it('are forgotten sooner if they are large', async () => {
    const results = new RecentResults<number>(10, (size) => size);
    let computed = 0;
    const get = (size: number) =>
      results.get(
        `${size}`,
        async () => {
          computed++;
          return size;
        },
        signal,
      );
    for (const size of [3, 4, 2, 3, 4, 2]) await get(size);
    expect(computed).toBe(3);
    for (const size of [5, 2, 3, 20, 5, 20]) await get(size);
    expect(computed).toBe(8);
  });

  it('are tried again after a failure, which all waiting clients get', async () => {
    const results = new RecentResults<number>(2);
    const failing = async () => Promise.reject(new Error('lost'));
    const outcomes = await Promise.allSettled([
      results.get('a', failing, signal),
      results.get('a', failing, signal),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await results.get('a', async () => 1, signal)).toBe(1);
  });

  it('are given up when all waiting clients have left, and not before', async () => {
    const results = new RecentResults<number>(2);
    const started: AbortSignal[] = [];
    const endless = (until: AbortSignal) => {
      started.push(until);
      return new Promise<number>((_, reject) => {
        until.addEventListener('abort', () => reject(until.reason));
      });
    };
    const [first, second] = [new AbortController(), new AbortController()];
    const waits = [first, second].map((one) => results.get('a', endless, one.signal));
    first.abort(new Error('gone'));
    await expect(waits[0]).rejects.toThrow('gone');
    expect(started.map(({ aborted }) => aborted)).toEqual([false]);
    second.abort(new Error('gone as well'));
    await expect(waits[1]).rejects.toThrow('gone as well');
    expect(started.map(({ aborted }) => aborted)).toEqual([true]);
    expect(await results.get('a', async () => 1, signal)).toBe(1);
  });
});
