import { describe, expect, it } from 'vitest';
import { EndedPredictions } from '../../../src/predictions/board/ended.js';
import { idOf, largeRecord, sampleRecord } from '../../store/samples.js';

const failed = (n: number) => sampleRecord(n, { status: 'failed' });

describe('failed predictions', () => {
  it('are kept, up to the last thousand', () => {
    const ended = new EndedPredictions();
    for (let n = 0; n < 1002; n++) ended.add(failed(n));
    expect([...ended.values()]).toHaveLength(1000);
    expect(ended.get(idOf(1))).toBeUndefined();
    expect(ended.get(idOf(2))).toEqual(failed(2));
  });

  it('are kept within a memory limit: only a few of those with very many tensors', () => {
    const ended = new EndedPredictions();
    for (let n = 0; n < 5; n++) ended.add(largeRecord(n, { status: 'failed' }));
    expect([...ended.values()].map(({ id }) => id)).toEqual([idOf(3), idOf(4)]);
    ended.delete(idOf(3));
    ended.add(failed(5));
    expect([...ended.values()].map(({ id }) => id)).toEqual([idOf(4), idOf(5)]);
  });

  it('are ordered by their last failure', () => {
    const ended = new EndedPredictions();
    for (let n = 0; n < 1000; n++) ended.add(failed(n));
    ended.add(failed(0));
    ended.add(failed(1000));
    expect(ended.get(idOf(0))).toEqual(failed(0));
    expect(ended.get(idOf(1))).toBeUndefined();
  });

  it('are forgotten when they are deleted', () => {
    const ended = new EndedPredictions();
    ended.add(failed(1));
    expect(ended.delete(idOf(1))).toBe(true);
    expect(ended.delete(idOf(1))).toBe(false);
    expect(ended.get(idOf(1))).toBeUndefined();
  });
});
