import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { OnnxruntimeProducts } from '../../src/engine/onnxruntime/products.js';
import type { PostprocessOptions } from '../../src/postprocess/options.js';
import { PlainProducts } from '../../src/postprocess/plain-products.js';
import { postprocess } from '../../src/postprocess/postprocess.js';
import { randomKey } from '../../src/random/key.js';
import { normals } from '../../src/random/normal.js';
import type { TiledTensor } from '../../src/tensor/tensor.js';
import { CASES } from './cases.js';
import { digest, PAPER } from './digest.js';
import { distanceFromSpan, expand, nonOrthogonality, randomTensor, shapes, tallMatrix } from './tensors.js';

const products = new OnnxruntimeProducts();
afterAll(() => products.dispose());

const NOTHING: PostprocessOptions = { noise: 0, orthogonalize: false, fromLayer: 0, minChannels: 0, seed: 0 };
const ORTHOGONAL = { ...NOTHING, orthogonalize: true };

async function transform(
  tensor: TiledTensor,
  options: PostprocessOptions,
  by = products as PlainProducts | typeof products,
) {
  const { tensors, applied } = await postprocess([tensor], [tensor.name], options, by);
  return { tensor: tensors[0], values: expand(tensors[0]), applied: applied[0] };
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

describe('an orthogonalised weight', () => {
  test.each(CASES)(
    'equals LAPACK’s with R’s diagonal positive: $name',
    async ({ weight, noisy, orthogonal }) => {
      for (const by of [products, new PlainProducts()]) {
        const { values, applied } = await transform(noisy ?? weight, ORTHOGONAL, by);
        expect(largestDifference(values, orthogonal)).toBeLessThan(1e-6);
        expect(applied).toEqual({ name: (noisy ?? weight).name, noise: 0, orthogonalized: true });
      }
    },
  );

  test('has orthonormal columns that span the weight’s, for any shape and rank', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.constantFrom(1, 2, 5, 16, 100), fc.nat(), async (shape, channels, seed) => {
        const tensor = randomTensor('w', shape, channels, seed);
        const q = tallMatrix((await transform(tensor, ORTHOGONAL)).values, shape);
        expect(nonOrthogonality(q)).toBeLessThan(1e-5);
        expect(distanceFromSpan(tallMatrix(expand(tensor), shape), q)).toBeLessThan(1e-5);
      }),
      { numRuns: 60 },
    );
  });

  test.each([{ shape: [5, 70_001] }, { shape: [70_001, 5] }])(
    'may be longer than the loops process at once: $shape',
    async ({ shape }) => {
      const tensor = randomTensor('w', shape, 2);
      const noise = (await transform(tensor, { ...NOTHING, noise: 1 })).values;
      expect(noise).toHaveLength(5 * 70_001);
      expect(noise.every(Number.isFinite)).toBe(true);
      const q = tallMatrix((await transform(tensor, { ...ORTHOGONAL, noise: 1 })).values, shape);
      expect(nonOrthogonality(q)).toBeLessThan(1e-5);
      expect(distanceFromSpan(tallMatrix(noise, shape), q)).toBeLessThan(1e-5);
    },
  );

  test('of a weight with columns that are zero, repeated or sums of others is unchanged up to the first of these', async () => {
    const shape = [200, 80];
    const regular = randomTensor('w', shape, 1000);
    const singular = { ...regular, block: regular.block.slice() };
    for (let i = 0; i < 200; i++) {
      const row = singular.block.subarray(80 * i, 80 * (i + 1));
      row[30] = 0;
      row[47] = 0;
      row[50] = row[20];
      row[51] = row[1] + row[2];
    }
    const [q, expected] = [
      (await transform(singular, ORTHOGONAL)).values,
      (await transform(regular, ORTHOGONAL)).values,
    ];
    for (let i = 0; i < 200; i++) {
      expect(
        largestDifference(q.slice(80 * i, 80 * i + 30), expected.slice(80 * i, 80 * i + 30)),
      ).toBeLessThan(1e-6);
    }
    expect(nonOrthogonality(tallMatrix(q, shape))).toBeLessThan(1e-5);
    expect(distanceFromSpan(tallMatrix(singular.block, shape), tallMatrix(q, shape))).toBeLessThan(1e-5);
  });

  test.each([
    { what: 'zeros', value: () => 0 },
    { what: 'ones', value: () => 1 },
    { what: 'the smallest numbers', value: (i: number) => ((i * i) % 7) * 1.4e-45 },
    { what: 'the largest numbers', value: (i: number) => 3e38 * Math.sin(i) },
    {
      what: 'rows that grow by orders of magnitude',
      value: (i: number) => Math.sin(i * i) * 10 ** (Math.floor(i / 48) - 30),
    },
  ])('exists for a weight of $what', async ({ value }) => {
    const shape = [60, 48];
    const block = Float32Array.from({ length: 60 * 48 }, (_, i) => value(i));
    const { values } = await transform({ name: 'w', shape, blockShape: shape, block }, ORTHOGONAL);
    expect(nonOrthogonality(tallMatrix(values, shape))).toBeLessThan(1e-5);
  });

  test.each([
    { noise: 3e-5, minChannels: 0 },
    { noise: 1e-7, minChannels: 0 },
    { noise: 3e-5, minChannels: 90 },
  ])(
    'of a repeated block and little noise equals that of the same values without tiling: %o',
    async (options) => {
      const tensor = randomTensor('w', [128, 200], 24);
      const noisy = (await transform(tensor, { ...NOTHING, ...options })).tensor;
      const { values } = await transform(tensor, { ...ORTHOGONAL, ...options });
      const again = (await transform(noisy, ORTHOGONAL)).values;
      expect(noisy.blockShape).toEqual([128, 200]);
      // A part of the weight without noise depends on the columns before it, and is completed at random.
      const determined = options.minChannels === 0 ? 128 : 24;
      expect(
        largestDifference(values.slice(0, determined * 200), again.slice(0, determined * 200)),
      ).toBeLessThan(2e-5);
      expect(nonOrthogonality(tallMatrix(values, [128, 200]))).toBeLessThan(1e-5);
      expect(
        distanceFromSpan(tallMatrix(noisy.block, [128, 200]), tallMatrix(values, [128, 200])),
      ).toBeLessThan(1e-5);
    },
  );

  test('exists if more columns have noise than the rows with noise can distinguish', async () => {
    const shape = [100, 40, 3, 3];
    const options = { ...ORTHOGONAL, noise: 3e-5, minChannels: 35 };
    const tensor = randomTensor('w', shape, 16);
    const noisy = (await transform(tensor, { ...options, orthogonalize: false })).values;
    const q = tallMatrix((await transform(tensor, options)).values, shape);
    expect(nonOrthogonality(q)).toBeLessThan(1e-5);
    expect(distanceFromSpan(tallMatrix(noisy, shape), q)).toBeLessThan(1e-5);
  });
});

describe('noise', () => {
  const tensor = randomTensor('layer.weight', [120, 40, 3, 3], 16);
  const noiseOf = (values: Float32Array, scale: number) => {
    const before = expand(tensor);
    return values.map((value, i) => (value - before[i]) / scale);
  };
  const mean = (values: Float32Array) => values.reduce((sum, x) => sum + x, 0) / values.length;

  test('is normal, with β times the deviation of the correlations', async () => {
    const { values, applied } = await transform(tensor, { ...NOTHING, noise: 0.5 });
    expect(applied.orthogonalized).toBe(false);
    const noise = noiseOf(values, applied.noise);
    const n = noise.length;
    expect(Math.abs(mean(noise))).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(mean(noise.map((x) => x * x)) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(mean(noise.map((x) => x ** 4)) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
    const double = await transform(tensor, { ...NOTHING, noise: 1 });
    expect(double.applied.noise / applied.noise).toBeCloseTo(2, 12);
  });

  test('begins at the least channel in both of the first two dimensions', async () => {
    for (const shape of [
      [40, 24, 3, 3],
      [24, 40, 3, 3],
      [40, 24],
      [300, 40, 2, 2],
    ]) {
      const small = randomTensor('w', shape, 16);
      const { values } = await transform(small, { ...NOTHING, noise: 0.1, minChannels: 20 });
      const before = expand(small);
      const [, inputs, ...kernel] = shape;
      const perInput = kernel.reduce((a, b) => a * b, 1);
      const wrong = values.findIndex((value, i) => {
        const input = Math.floor(i / perInput) % inputs;
        const output = Math.floor(i / perInput / inputs);
        return (value !== before[i]) !== (output >= 20 && input >= 20);
      });
      expect(wrong).toBe(-1);
    }
  });

  test('differs with another seed or name, and is the same with the same', async () => {
    const options = { ...NOTHING, noise: 0.5 };
    const first = await transform(tensor, options);
    expect((await transform(tensor, options)).values).toEqual(first.values);
    const others = [
      await transform(tensor, { ...options, seed: 1 }),
      await transform({ ...tensor, name: 'other.weight' }, options),
    ];
    for (const { values, applied } of others) {
      const [a, b] = [noiseOf(first.values, applied.noise), noiseOf(values, applied.noise)];
      expect(Math.abs(mean(a.map((x, i) => x * b[i])))).toBeLessThan(4 / Math.sqrt(a.length));
    }
  });

  test('has the same bytes on every engine', async () => {
    const options = { ...NOTHING, noise: 0.5 };
    const plain = await transform(tensor, options, new PlainProducts());
    expect(plain.values).toEqual((await transform(tensor, options)).values);
  });

  test('is 0 if a row has no variance', async () => {
    const flat = randomTensor('w', [1, 16, 3, 3], 16);
    const { tensor: result, applied } = await transform(flat, { ...NOTHING, noise: 0.5 });
    expect(result).toBe(flat);
    expect(applied).toEqual({ name: 'w', noise: 0, orthogonalized: false });
  });
});

describe('a network', () => {
  const network = [
    randomTensor('conv.weight', [32, 16, 3, 3], 8),
    { name: 'conv.bias', shape: [32], blockShape: [8], block: normals(randomKey(0, 'bias', 'test'), 0, 8) },
    randomTensor('next.weight', [16, 32, 1, 1], 8),
    randomTensor('fc.weight', [10, 16], 16),
  ];

  test('keeps its order, and every tensor that is not named', async () => {
    const { tensors, applied } = await postprocess(
      network,
      ['next.weight', 'absent.weight', 'conv.weight'],
      PAPER,
      products,
    );
    expect(tensors.map(({ name }) => name)).toEqual(network.map(({ name }) => name));
    expect(tensors[1]).toBe(network[1]);
    expect(tensors[3]).toBe(network[3]);
    expect(applied.map(({ name }) => name)).toEqual(['next.weight', 'conv.weight']);
    expect(tensors[0]).toMatchObject({ shape: [32, 16, 3, 3], blockShape: [32, 16, 3, 3] });
  });

  test('is unchanged if the settings request nothing', async () => {
    const { tensors, applied } = await postprocess(network, ['conv.weight'], NOTHING, products);
    expect(tensors).toEqual(network);
    expect(applied).toEqual([]);
    expect((await postprocess(network, [], PAPER, products)).applied).toEqual([]);
  });

  test('gets the same values for a tensor whatever other tensors there are', async () => {
    const all = await postprocess(network, ['conv.weight', 'next.weight'], PAPER, products);
    const alone = await postprocess([network[2]], ['next.weight'], PAPER, products);
    expect(alone.tensors[0].block).toEqual(all.tensors[2].block);
  });

  test('gets the same bytes in every run and process', async () => {
    const script = fileURLToPath(new URL('digest.ts', import.meta.url));
    const [here, again, there] = await Promise.all([
      digest(),
      digest(),
      promisify(execFile)(process.execPath, ['--import', 'tsx', script]),
    ]);
    expect(again).toBe(here);
    expect(there.stdout.trim()).toBe(here);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'with a value of %s is refused with the tensor’s name',
    async (value) => {
      const broken = { ...network[0], block: network[0].block.slice().fill(value, 5, 6) };
      for (const options of [ORTHOGONAL, { ...NOTHING, noise: 0.1 }]) {
        await expect(transform(broken, options)).rejects.toThrow(/conv\.weight cannot be post-processed/);
      }
    },
  );

  test('is refused if float32 cannot hold the noise', async () => {
    await expect(transform(network[0], { ...NOTHING, noise: 1e39 })).rejects.toThrow(/conv\.weight/);
  });

  test('stops when the signal is aborted', async () => {
    const reason = new Error('no longer wanted');
    const controller = new AbortController();
    const large = [randomTensor('w', [512, 512, 3, 3], 64)];
    const running = postprocess(large, ['w'], PAPER, products, controller.signal);
    setImmediate(() => controller.abort(reason));
    await expect(running).rejects.toBe(reason);
    await expect(postprocess(network, ['conv.weight'], PAPER, products, controller.signal)).rejects.toBe(
      reason,
    );
  });
});
