import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { safetensors } from '../../src/format/safetensors.js';
import { SHARDING_NAMES, type Sharding, sliceTensor } from '../../src/format/slice.js';
import { elements, isTiled, type TensorSource, tensorSource } from '../../src/tensor/tensor.js';
import { TensorBytes } from '../../src/tensor/tiling.js';
import { expand, storedSource, tensorOf, tiledTensors } from '../tensor/arbitrary.js';
import { read } from './bytes.js';
import { parseSafetensors } from './files.js';

async function values(source: TensorSource): Promise<Float32Array> {
  return new Float32Array((await read(new TensorBytes(source, 'F32'))).buffer);
}

/** Returns entries `start` to `end` - 1 along a dimension, one by one. */
function cut(all: Float32Array, shape: readonly number[], dim: number, start: number, end: number): number[] {
  const inner = elements(shape.slice(dim + 1));
  return [...all].filter((_, flat) => {
    const index = Math.floor(flat / inner) % shape[dim];
    return index >= start && index < end;
  });
}

function ends(sharding: Sharding, rank: number, worldSize: number, n: number): [number, number] {
  if (sharding === 'even')
    return [Math.floor((rank * n) / worldSize), Math.floor(((rank + 1) * n) / worldSize)];
  const rows = Math.ceil(n / worldSize);
  return [Math.min(rank * rows, n), Math.min((rank + 1) * rows, n)];
}

describe('a slice', () => {
  test('has the rows of its rank, and all ranks together have the tensor', async () => {
    await fc.assert(
      fc.asyncProperty(
        tiledTensors(),
        fc.integer({ min: 1, max: 10 }),
        fc.nat(3),
        fc.constantFrom(tensorSource, storedSource),
        fc.constantFrom(...SHARDING_NAMES),
        async (tensor, worldSize, dim, source, sharding) => {
          const whole = expand(tensor);
          const n = tensor.shape[dim];
          let reached = 0;
          for (let rank = 0; rank < worldSize; rank++) {
            const slice = sliceTensor(source(tensor), { rank, worldSize, dim, sharding });
            if (n === undefined) {
              expect(slice.shape).toEqual(tensor.shape);
              expect(await values(slice)).toEqual(whole);
              continue;
            }
            const [start, end] = ends(sharding, rank, worldSize, n);
            expect(start).toBe(reached);
            reached = end;
            expect(slice.shape).toEqual(tensor.shape.with(dim, end - start));
            expect([...(await values(slice))]).toEqual(cut(whole, tensor.shape, dim, start, end));
          }
          if (n !== undefined) expect(reached).toBe(n);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('can be read from any entry to any other', async () => {
    await fc.assert(
      fc.asyncProperty(
        tiledTensors(),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(3),
        fc.nat(),
        fc.nat(),
        async (tensor, worldSize, dim, a, b) => {
          const slice = sliceTensor(storedSource(tensor), {
            rank: worldSize - 1,
            worldSize,
            dim,
            sharding: 'even',
          });
          const length = elements(slice.blockShape);
          const block = await slice.readBlock(0, length);
          expect(block).toHaveLength(length);
          const [start, end] = [a % (length + 1), b % (length + 1)].sort((x, y) => x - y);
          expect(await slice.readBlock(start, end)).toEqual(block.slice(start, end));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('of rows that are too long to be read together is complete', async () => {
    const tensor = tensorOf('wide', [3, 3, 100_000], [3, 3, 100_000], Math.sin);
    for (const dim of [1, 2]) {
      const slice = sliceTensor(storedSource(tensor), { rank: 1, worldSize: 3, dim, sharding: 'even' });
      const [start, end] = dim === 1 ? [1, 2] : [33_333, 66_666];
      const expected = Float32Array.from(cut(tensor.block, tensor.shape, dim, start, end));
      expect(Buffer.from(expected.buffer).equals(Buffer.from((await values(slice)).buffer))).toBe(true);
    }
  });

  test('of a tiled tensor is tiled, with a block that is no larger', () => {
    const tensor = tensorSource(tensorOf('fc.weight', [1000, 2048], [64, 48]));
    const slice = sliceTensor(tensor, { rank: 3, worldSize: 8, dim: 0, sharding: 'even' });
    expect(slice.shape).toEqual([125, 2048]);
    expect(slice.blockShape).toEqual([64, 48]);
    expect(isTiled(slice)).toBe(true);
  });

  test('of a stored tensor without tiling reads only its own rows', async () => {
    const stored = storedSource(tensorOf('a', [64, 100]));
    await values(sliceTensor(stored, { rank: 2, worldSize: 8, dim: 0, sharding: 'even' }));
    expect(stored.entriesRead()).toBe(800);

    const long = storedSource(tensorOf('b', [2, 300_000]));
    await values(sliceTensor(long, { rank: 0, worldSize: 100, dim: 1, sharding: 'even' }));
    expect(long.entriesRead()).toBe(6000);
  });

  test('of short rows reads each part of the tensor once', async () => {
    const stored = storedSource(tensorOf('a', [2000, 90]));
    await values(sliceTensor(stored, { rank: 1, worldSize: 2, dim: 1, sharding: 'even' }));
    expect(stored.entriesRead()).toBe(2000 * 90);
  });

  test('may be empty, also in a file', async () => {
    const slices = [
      sliceTensor(tensorSource(tensorOf('a', [2, 8], [1, 4])), {
        rank: 0,
        worldSize: 3,
        dim: 0,
        sharding: 'even',
      }),
      sliceTensor(tensorSource(tensorOf('b', [2, 8], [1, 4])), {
        rank: 1,
        worldSize: 3,
        dim: 0,
        sharding: 'even',
      }),
      sliceTensor(tensorSource(tensorOf('c', [8])), { rank: 0, worldSize: 3, dim: 1, sharding: 'even' }),
    ];
    const file = parseSafetensors(await read(safetensors(slices, 'F32', {})));
    expect(file.tensors.map(({ shape, offsets }) => ({ shape, offsets }))).toEqual([
      { shape: [0, 8], offsets: [0, 0] },
      { shape: [1, 8], offsets: [0, 32] },
      { shape: [8], offsets: [32, 64] },
    ]);
  });
});
