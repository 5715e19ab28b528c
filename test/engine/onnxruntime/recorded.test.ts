import { afterAll, describe, expect, it } from 'vitest';
import type { Matrix, Operations } from '../../../src/engine/engine.js';
import { createOnnxruntimeEngine } from '../../../src/engine/onnxruntime/engine.js';
import { TILE_SCORES } from '../../../src/engine/onnxruntime/tiled-attention.js';

const HIDDEN = 8;
const HEADS = 2;

describe('onnxruntime on the CPU', async () => {
  const engine = await createOnnxruntimeEngine();
  afterAll(() => engine.dispose());

  const upload = (rows: number, columns: number, seed: number) =>
    engine.upload(
      Float32Array.from({ length: rows * columns }, (_, k) => Math.sin(seed + 7 * k) / 2),
      rows,
      columns,
    );
  const gain = upload(1, HIDDEN, 1);
  const offset = upload(1, HIDDEN, 2);
  const toQkv = { weight: upload(3 * HIDDEN, HIDDEN, 3), bias: upload(1, 3 * HIDDEN, 4) };
  const toOut = { weight: upload(HIDDEN, HIDDEN, 5), bias: null };
  const table = upload(3, HEADS, 6);

  /** Computes a layer of an encoder, twice. */
  async function layers(operations: Operations<Matrix>, input: Matrix, row: Int32Array): Promise<Matrix> {
    let x = input;
    for (let layer = 0; layer < 2; layer++) {
      const qkv = await operations.linear(await operations.layerNorm(x, gain, offset), toQkv);
      const heads = await operations.attention(qkv, { table, row }, HEADS);
      x = await operations.add(x, await operations.linear(heads, toOut, 'gelu'));
    }
    return x;
  }

  /** Enough nodes that their scores do not fit into one tile. */
  const many = Math.ceil(Math.sqrt(TILE_SCORES / HEADS)) + 1;

  it.each([1, 2, 37, many])(
    'a recorded computation over %i nodes gives the same bits as its operations',
    async (nodes) => {
      const recorded = await engine.record!(layers, HIDDEN);
      const values = Float32Array.from({ length: nodes * HIDDEN }, (_, k) => Math.cos(k));
      const row = Int32Array.from({ length: nodes * nodes }, (_, k) => k % 3);
      await engine.scope(async () => {
        const x = await engine.input(values, nodes, HIDDEN);
        const expected = await engine.read(await layers(engine, x, row));
        expect(await engine.read(await recorded(x, row))).toEqual(expected);
      });
    },
  );

  it('gathers rows like slices of a weight, and caches the most recently used', async () => {
    const weight = upload(1024, 2048, 7);
    const before = engine.memory();
    const ranges = (first: number) => [[first, first + 2] as const, [first + 500, first + 503] as const];
    const rows = await engine.read(engine.gather!(weight, ranges(4)));
    const slices = [engine.slice(weight, 4, 6), engine.slice(weight, 504, 507)] as Matrix[];
    expect(rows).toEqual(await engine.read(await engine.concat(slices)));
    expect(engine.gather!(weight, ranges(4))).toBe(engine.gather!(weight, ranges(4)));
    expect(engine.gather!(upload(1024, 2048, 8), ranges(4))).not.toBe(engine.gather!(weight, ranges(4)));
    const kept = engine.gather!(weight, ranges(4));
    for (let first = 10; first < 500; first++) engine.gather!(weight, ranges(first));
    expect(engine.gather!(weight, ranges(4))).not.toBe(kept);
    expect(engine.memory() - before).toBeLessThan(2 * 2 ** 20 * 4 + 17 * 2 ** 20);
  });
});
