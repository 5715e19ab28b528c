import { describe, expect, it } from 'vitest';
import { RunCache } from '../../../src/store/blocks/run-cache.js';

function countingReader(bytes: number) {
  const reads: string[] = [];
  const read = (key: string) => async () => {
    reads.push(key);
    return Buffer.alloc(bytes, key);
  };
  return { reads, read };
}

describe('the cache of runs', () => {
  it('reads a run once for all readers at the same time, and not again', async () => {
    const cache = new RunCache(1000);
    const { reads, read } = countingReader(100);
    const runs = await Promise.all(Array.from({ length: 300 }, () => cache.get('a', read('a'))));
    expect(new Set(runs).size).toBe(1);
    expect(cache.get('a', read('a'))).toBe(runs[0]);
    expect(reads).toEqual(['a']);
  });

  it('keeps the most recently used runs, within its limit of bytes', async () => {
    const cache = new RunCache(250);
    const { reads, read } = countingReader(100);
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await cache.get(key, read(key));
    expect(reads).toEqual(['a', 'b', 'c', 'b']);
  });

  it('does not keep a failure', async () => {
    const cache = new RunCache(250);
    const { read } = countingReader(100);
    const failing = cache.get('a', () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(await cache.get('a', read('a'))).toHaveLength(100);
  });

  it('serves a run that is larger than its limit, and does not keep it', async () => {
    const cache = new RunCache(50);
    const { reads, read } = countingReader(100);
    expect(await cache.get('a', read('a'))).toHaveLength(100);
    expect(await cache.get('a', read('a'))).toHaveLength(100);
    expect(reads).toEqual(['a', 'a']);
  });
});
