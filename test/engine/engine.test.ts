import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activation, Engine, Matrix } from '../../src/engine/engine.js';
import { ENGINES, NATIVE_TENSORFLOW } from './engines.js';
import * as reference from './reference.js';

/** Tolerance of float32 sums of some hundred terms, relative to the largest expected value. */
const TOLERANCE = 1e-5;

interface Input {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** Returns numbers of a fixed sequence, uniform in ±√3, so with mean 0 and variance 1. */
function random(rows: number, columns: number, seed = 1): Input {
  let state = seed * 2654435761;
  const data = Float32Array.from({ length: rows * columns }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * Math.sqrt(3);
  });
  return { data, rows, columns };
}

const matrix = (rows: number, columns: number, values: number[]): Input => ({
  data: Float32Array.from(values),
  rows,
  columns,
});

/** Returns the table row of each pair of nodes, unordered. */
const pairs = (nodes: number, tableRows: number) =>
  Int32Array.from({ length: nodes * nodes }, (_, pair) => (pair * 7 + (pair >> 3)) % tableRows);

/** An attention that engines compute in parts, with its expected result. It is computed once, because it takes long. */
const manyNodes = once(() => {
  const [nodes, heads, hidden] = [3000, 2, 4];
  const [qkv, table] = [random(nodes, 3 * hidden), random(101, heads, 2)];
  const row = pairs(nodes, 101);
  return { qkv, table, row, heads, expected: reference.attention(qkv, table, row, heads) };
});

/** A long network: pairs more than 40 places apart are not connected, and some nodes not at all. */
const longNetwork = once(() => {
  const [nodes, heads, hidden] = [1200, 3, 6];
  const qkv = random(nodes, 3 * hidden);
  const table = random(81, heads, 2);
  const row = new Int32Array(nodes * nodes);
  for (let query = 0; query < nodes; query++) {
    for (let key = 0; key < nodes; key++) {
      const apart = Math.abs(query - key);
      if (apart <= 40 && query < 900) row[query * nodes + key] = key > query ? apart : 40 + apart;
    }
  }
  return { qkv, table, row, heads, expected: reference.attention(qkv, table, row, heads) };
});

function once<T>(compute: () => T): () => T {
  let result: { readonly value: T } | undefined;
  return () => {
    result ??= { value: compute() };
    return result.value;
  };
}

function expectClose(actual: ArrayLike<number>, expected: Float64Array): void {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(
    1,
    expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
  );
  let worst = 0;
  for (let k = 0; k < expected.length; k++) {
    const error = Math.abs(actual[k] - expected[k]);
    worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
  }
  expect(worst / scale).toBeLessThan(TOLERANCE);
}

if (!NATIVE_TENSORFLOW) {
  it.skip(
    'native TensorFlow is not tested: @tensorflow/tfjs-node is not installed (scripts/native-tensorflow.sh)',
  );
}

describe.each(ENGINES)('$title', ({ create }) => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await create();
  });

  afterAll(async () => {
    await engine.dispose();
  });

  const input = ({ data, rows, columns }: Input) => engine.input(data, rows, columns);
  const scoped = (run: () => Promise<Matrix>) => engine.scope(async () => engine.read(await run()));

  async function linear(x: Input, weight: Input, bias: Input | null, activation?: Activation) {
    return scoped(async () =>
      engine.linear(
        await input(x),
        { weight: await input(weight), bias: bias && (await input(bias)) },
        activation,
      ),
    );
  }

  async function attention(qkv: Input, table: Input, row: Int32Array, heads: number) {
    return scoped(async () => engine.attention(await input(qkv), { table: await input(table), row }, heads));
  }

  it('gives its name and version', () => {
    expect(['onnxruntime', 'tensorflow', 'wasm']).toContain(engine.name);
    expect(engine.version).toMatch(/\d+\.\d+\.\d+/);
    expect(['cpu', 'cuda', 'webgpu']).toContain(engine.device);
  });

  it('returns uploaded values unchanged', async () => {
    const x = random(5, 7);
    expect(await scoped(async () => input(x))).toEqual(x.data);
    await engine.scope(async () => {
      const { rows, columns } = await input(x);
      expect([rows, columns]).toEqual([5, 7]);
    });
  });

  describe('linear', () => {
    it.each([
      { what: 'a single number', rows: 1, inputs: 1, outputs: 1 },
      { what: 'one row', rows: 1, inputs: 64, outputs: 192 },
      { what: 'one input', rows: 9, inputs: 1, outputs: 5 },
      { what: 'one output', rows: 9, inputs: 33, outputs: 1 },
      { what: 'one row to one output', rows: 1, inputs: 33, outputs: 1 },
      { what: 'a tall matrix', rows: 1031, inputs: 7, outputs: 3 },
      { what: 'a wide matrix', rows: 3, inputs: 7, outputs: 1031 },
      { what: 'as many rows as outputs', rows: 17, inputs: 300, outputs: 17 },
    ])('multiplies $what', async ({ rows, inputs, outputs }) => {
      const [x, weight, bias] = [random(rows, inputs), random(outputs, inputs, 2), random(1, outputs, 3)];
      expectClose(await linear(x, weight, null), reference.linear(x, weight, null, 'none'));
      for (const activation of ['none', 'relu', 'gelu'] as const) {
        expectClose(await linear(x, weight, bias, activation), reference.linear(x, weight, bias, activation));
      }
    });

    it('multiplies matrices of any shape', async () => {
      const size = fc.integer({ min: 1, max: 70 });
      await fc.assert(
        fc.asyncProperty(size, size, size, fc.boolean(), async (rows, inputs, outputs, withBias) => {
          const [x, weight] = [random(rows, inputs), random(outputs, inputs, 2)];
          const bias = withBias ? random(1, outputs, 3) : null;
          expectClose(await linear(x, weight, bias, 'gelu'), reference.linear(x, weight, bias, 'gelu'));
        }),
        { numRuns: 40 },
      );
    });

    it('takes the exact GELU, with erf, not the one with tanh', async () => {
      const values = [-6, -3, -2, -1, -0.5, -1e-3, 0, 1e-3, 0.5, 1, 2, 3, 6];
      const x = matrix(values.length, 1, values);
      const one = matrix(1, 1, [1]);
      const actual = await linear(x, one, null, 'gelu');
      values.forEach((value, k) => {
        expect(actual[k]).toBeCloseTo(0.5 * value * (1 + reference.erf(value * Math.SQRT1_2)), 6);
      });
    });

    it('takes the same weight any number of times, and the same rows in several shapes', async () => {
      const weight = engine.upload(random(6, 12, 2).data, 6, 12);
      const narrow = engine.upload(random(5, 4, 3).data, 5, 4);
      const x = random(1, 12);
      await engine.scope(async () => {
        const row = await input(x);
        for (let time = 0; time < 2; time++) {
          const wide = await engine.linear(row, { weight, bias: null });
          expectClose(await engine.read(wide), reference.linear(x, random(6, 12, 2), null, 'none'));
          const three = await engine.linear(await engine.reshape(row, 3), { weight: narrow, bias: null });
          const split = { ...x, rows: 3, columns: 4 };
          expectClose(await engine.read(three), reference.linear(split, random(5, 4, 3), null, 'none'));
          const column = await engine.reshape(row, 12);
          const outer = await engine.linear(column, { weight: column, bias: null });
          const asColumn = { ...x, rows: 12, columns: 1 };
          expectClose(await engine.read(outer), reference.linear(asColumn, asColumn, null, 'none'));
        }
      });
    });
  });

  describe('slice', () => {
    const rows = ({ data, columns }: Input, start: number, end: number): Input => ({
      data: data.slice(start * columns, end * columns),
      rows: end - start,
      columns,
    });

    it.each([
      [0, 1],
      [3, 4],
      [2, 9],
      [9, 10],
      [0, 10],
    ])('takes rows %i to %i', async (start, end) => {
      const x = random(10, 6);
      expect(await scoped(async () => engine.slice(await input(x), start, end))).toEqual(
        rows(x, start, end).data,
      );
    });

    it('takes rows of slices and of results', async () => {
      const x = random(10, 6);
      const nested = await scoped(async () =>
        engine.slice(await engine.slice(await engine.add(await input(x), await input(x)), 2, 9), 3, 5),
      );
      expect(nested).toEqual(rows(x, 5, 7).data.map((value) => value + value));
    });

    it('gives a weight’s rows, which multiply like a separate weight', async () => {
      const weight = random(40, 8, 2);
      const uploaded = engine.upload(weight.data, 40, 8);
      const x = random(5, 8);
      for (const [start, end] of [
        [0, 3],
        [17, 40],
        [39, 40],
        [0, 40],
      ]) {
        const y = await scoped(async () =>
          engine.linear(await input(x), { weight: await engine.slice(uploaded, start, end), bias: null }),
        );
        expectClose(y, reference.linear(x, rows(weight, start, end), null, 'none'));
      }
    });

    it('leaves the weight unchanged when the slice is freed', async () => {
      const weight = random(50, 16, 2);
      const uploaded = engine.upload(weight.data.slice(), 50, 16);
      for (let time = 0; time < 5; time++) {
        await engine.scope(async () => {
          const part = await engine.slice(uploaded, 10 * time, 10 * time + 10);
          await engine.add(part, part);
        });
        await scoped(async () => input(random(10, 16, 4)));
      }
      expect(await engine.read(uploaded)).toEqual(weight.data);
    });

    it('supports every operation', async () => {
      const x = random(12, 24);
      const part = rows(x, 4, 9);
      const [gain, bias] = [random(1, 24, 5), random(1, 24, 6)];
      const table = random(3, 2, 7);
      const row = pairs(5, 3);
      await engine.scope(async () => {
        const slice = await engine.slice(await input(x), 4, 9);
        const doubled = await engine.read(await engine.add(slice, slice));
        expect(doubled).toEqual(part.data.map((value) => value + value));
        expectClose(
          await engine.read(await engine.layerNorm(slice, await input(gain), await input(bias))),
          reference.layerNorm(part, gain, bias),
        );
        expectClose(
          await engine.read(await engine.attention(slice, { table: await input(table), row }, 2)),
          reference.attention(part, table, row, 2),
        );
        expect(await engine.read(await engine.reshape(slice, 20))).toEqual(part.data);
        expect(await engine.read(await engine.concat([slice, slice]))).toEqual(
          Float32Array.of(...part.data, ...part.data),
        );
      });
    });
  });

  it('stacks matrices', async () => {
    const [a, b, c] = [random(1, 3), random(4, 3, 2), random(2, 3, 3)];
    await engine.scope(async () => {
      const whole = await engine.concat([await input(a), await input(b), await input(c)]);
      expect([whole.rows, whole.columns]).toEqual([7, 3]);
      expect(await engine.read(whole)).toEqual(Float32Array.of(...a.data, ...b.data, ...c.data));
      expect(await engine.read(await engine.concat([await input(b)]))).toEqual(b.data);
    });
  });

  it('views the same values with another number of rows', async () => {
    const x = random(6, 4);
    await engine.scope(async () => {
      const seen = await engine.reshape(await input(x), 3);
      expect([seen.rows, seen.columns]).toEqual([3, 8]);
      expect(await engine.read(seen)).toEqual(x.data);
    });
  });

  it('adds entry by entry', async () => {
    const [a, b] = [random(31, 17), random(31, 17, 2)];
    const sum = await scoped(async () => engine.add(await input(a), await input(b)));
    expect(sum).toEqual(a.data.map((value, k) => value + b.data[k]));
  });

  describe('layerNorm', () => {
    const layerNorm = (x: Input, gain: Input, bias: Input) =>
      scoped(async () => engine.layerNorm(await input(x), await input(gain), await input(bias)));

    it.each([
      { what: 'many rows', rows: 127, columns: 64 },
      { what: 'one row', rows: 1, columns: 384 },
      { what: 'one column', rows: 6, columns: 1 },
    ])('brings $what to mean 0 and variance 1, times gain plus bias', async ({ rows, columns }) => {
      const [x, gain, bias] = [random(rows, columns), random(1, columns, 2), random(1, columns, 3)];
      expectClose(await layerNorm(x, gain, bias), reference.layerNorm(x, gain, bias));
    });

    it('returns the bias for a row without variance', async () => {
      const x = matrix(2, 4, [3, 3, 3, 3, 0, 0, 0, 0]);
      const [gain, bias] = [random(1, 4, 2), random(1, 4, 3)];
      expectClose(await layerNorm(x, gain, bias), reference.layerNorm(x, gain, bias));
    });

    it('keeps its accuracy where a row’s variance is near eps, and where its mean is far from 0', async () => {
      const [gain, bias] = [random(1, 64, 2), random(1, 64, 3)];
      const small = random(3, 64);
      const faint = { ...small, data: small.data.map((value) => value * 3e-3) };
      expectClose(await layerNorm(faint, gain, bias), reference.layerNorm(faint, gain, bias));
      const shifted = { ...small, data: small.data.map((value) => Math.round(value * 64) / 64 + 16) };
      expectClose(await layerNorm(shifted, gain, bias), reference.layerNorm(shifted, gain, bias));
    });
  });

  describe('attention', () => {
    it.each([
      { what: 'one node', nodes: 1, heads: 8, hidden: 64 },
      { what: 'one node, one head, one number', nodes: 1, heads: 1, hidden: 1 },
      { what: 'two nodes', nodes: 2, heads: 2, hidden: 8 },
      { what: 'a ResNet-50 and a GHN-3-T', nodes: 127, heads: 8, hidden: 64 },
      { what: 'heads of one number', nodes: 9, heads: 6, hidden: 6 },
      { what: 'a single head', nodes: 30, heads: 1, hidden: 24 },
      { what: 'heads of 3 numbers', nodes: 13, heads: 16, hidden: 48 },
    ])('mixes the values of $what', async ({ nodes, heads, hidden }) => {
      const [qkv, table] = [random(nodes, 3 * hidden), random(101, heads, 2)];
      const row = pairs(nodes, 101);
      expectClose(await attention(qkv, table, row, heads), reference.attention(qkv, table, row, heads));
    });

    it('mixes the values of more nodes than it processes at once', async () => {
      const { qkv, table, row, heads, expected } = manyNodes();
      expectClose(await attention(qkv, table, row, heads), expected);
      // WebGPU on the CPU takes a while for its 18 million scores.
    }, 300_000);

    it('mixes the values of many nodes, few of which are connected', async () => {
      const { qkv, table, row, heads, expected } = longNetwork();
      expectClose(await attention(qkv, table, row, heads), expected);
      const masked = { ...table, data: table.data.map((value, index) => (index < heads ? -1e9 : value)) };
      // If all is masked, float32 has no bits left for the scores.
      const connected = 900 * (qkv.columns / 3);
      expectClose(
        (await attention(qkv, masked, row, heads)).subarray(0, connected),
        reference.attention(qkv, masked, row, heads).subarray(0, connected),
      );
    }, 300_000);

    it('gives each pair of nodes its own bias, query by row and key by column', async () => {
      // A bias of 40 outweighs everything else, so each query gets the value of the key with that bias.
      const [nodes, hidden] = [4, 2];
      const qkv = random(nodes, 3 * hidden);
      const wanted = [2, 0, 3, 1];
      const row = new Int32Array(nodes * nodes);
      wanted.forEach((key, query) => {
        row[query * nodes + key] = 1;
      });
      const y = await attention(qkv, matrix(2, 1, [0, 40]), row, 1);
      wanted.forEach((key, query) => {
        const start = key * 3 * hidden + 2 * hidden;
        expectClose(
          y.subarray(query * hidden, (query + 1) * hidden),
          Float64Array.from(qkv.data.subarray(start, start + hidden)),
        );
      });
    });

    it.each([
      { what: 'that mask', biases: [0, -1e9, 0.5] },
      { what: 'that mask with infinity', biases: [0, Number.NEGATIVE_INFINITY, 0.5] },
      { what: 'that are large', biases: [10_000, 9_999, -10_000] },
      { what: 'that are all far below 0', biases: [-500, -501, -502] },
    ])('takes biases $what', async ({ biases }) => {
      const [nodes, heads, hidden] = [20, 2, 8];
      // Multiples of 1/16, so that float32 holds the sum of a score and a bias of 10,000 exactly.
      const { data, ...shape } = random(nodes, 3 * hidden);
      const qkv = { ...shape, data: data.map((value) => Math.round(value * 16) / 16) };
      const table = matrix(
        3,
        heads,
        biases.flatMap((bias) => [bias, bias]),
      );
      const row = pairs(nodes, 3);
      expectClose(await attention(qkv, table, row, heads), reference.attention(qkv, table, row, heads));
    });

    it('does not overflow if queries and keys are large', async () => {
      const large = random(10, 24);
      const qkv = { ...large, data: large.data.map((value) => Math.round(value * 16) * 4) };
      const table = matrix(1, 2, [0, 0]);
      const row = new Int32Array(100);
      const y = await attention(qkv, table, row, 2);
      expectClose(y, reference.attention(qkv, table, row, 2));
    });
  });

  describe('scope', () => {
    /** Uses several operations. */
    async function compute(weight: Matrix): Promise<Float32Array> {
      const x = await engine.input(random(20, 24, 8).data, 20, 24);
      const y = await engine.linear(x, { weight, bias: null }, 'gelu');
      const z = await engine.attention(y, { table: await input(random(3, 2)), row: pairs(20, 3) }, 2);
      const part = await engine.concat([await engine.slice(z, 3, 9), await engine.slice(z, 0, 1)]);
      const row = await engine.slice(z, 0, 1);
      return engine.read(await engine.layerNorm(await engine.add(part, part), row, row));
    }

    it('counts weights and results, and frees results', async () => {
      const before = engine.memory();
      const weight = engine.upload(random(24, 24).data, 24, 24);
      const bytes = 24 * 24 * 4;
      expect(engine.memory() - before).toBe(bytes);
      await engine.scope(async () => {
        await engine.input(random(100, 100).data, 100, 100);
        expect(engine.memory() - before).toBe(bytes + 40_000);
        await compute(weight);
        expect(engine.memory() - before).toBeGreaterThan(bytes + 40_000);
      });
      expect(engine.memory() - before).toBe(bytes);
    });

    it('gives the same result each time, and frees it each time', async () => {
      const weight = engine.upload(random(24, 24).data, 24, 24);
      const first = await engine.scope(() => compute(weight));
      const memory = engine.memory();
      for (let time = 0; time < 10; time++) {
        expect(await engine.scope(() => compute(weight))).toEqual(first);
        expect(engine.memory()).toBe(memory);
      }
    });

    it('passes an error on, frees its matrices, and continues to work', async () => {
      const weight = engine.upload(random(24, 24).data, 24, 24);
      const expected = await engine.scope(() => compute(weight));
      const memory = engine.memory();
      const failure = new Error('the request was cancelled');
      await expect(
        engine.scope(async () => {
          await compute(weight);
          throw failure;
        }),
      ).rejects.toBe(failure);
      expect(engine.memory()).toBe(memory);
      expect(await engine.scope(() => compute(weight))).toEqual(expected);
    });

    it('keeps weights after it has ended', async () => {
      const { data } = random(3, 4);
      const weight = await engine.scope(async () => engine.upload(data, 3, 4));
      await engine.scope(async () => input(random(3, 4, 2)));
      expect(await engine.read(weight)).toEqual(data);
    });
  });
});
