import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { KeptChecksums } from '../../src/format/checksums.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

test('a cache of checksums does not keep the data', async () => {
  const kept = new KeptChecksums();
  const tensor = (name: string) => {
    const block = new Float32Array(1000);
    return { block: new WeakRef(block), checksum: kept.of(name, async () => block.length) };
  };
  const made = ['a', 'b'].map(tensor);
  expect(await Promise.all(made.map(({ checksum }) => checksum))).toEqual([1000, 1000]);
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(made.map(({ block }) => block.deref())).toEqual([undefined, undefined]);
  expect(await kept.of('a', () => Promise.reject(new Error('it is known')))).toBe(1000);
  expect(kept.size).toBe(2);
});
