import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildArchitecture } from '../../src/architecture/graph.js';
import type { Graph } from '../../src/architecture/schema.js';
import type { Engine } from '../../src/engine/engine.js';
import { createOnnxruntimeEngine } from '../../src/engine/onnxruntime/engine.js';
import type { Ghn } from '../../src/ghn/ghn.js';
import type { TiledTensor } from '../../src/tensor/tensor.js';
import { LIMITS, tinyGraph } from '../architecture/fixtures.js';
import { expand } from '../tensor/arbitrary.js';
import { loadNano } from './loaded.js';

let engine: Engine;
let ghn: Ghn;
beforeAll(async () => {
  engine = await createOnnxruntimeEngine();
  ghn = await loadNano('ghn3-nano.pt', engine);
});
afterAll(() => engine.dispose());

async function predict(graph: Graph, { predictClassifier = true, seed = 0 } = {}) {
  const tensors = await ghn.predict(buildArchitecture(graph, LIMITS), { predictClassifier, seed });
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

/** Returns a network with only position embeddings, of these shapes. */
function positions(shapes: Readonly<Record<string, number[]>>): Graph {
  const names = Object.keys(shapes);
  return {
    name: 'positions',
    nodes: [
      { id: 'input', op: 'input' },
      ...names.map((name) => ({ id: name, op: 'pos_enc' as const, weight: { name, shape: shapes[name] } })),
    ],
    edges: names.map((name) => ['input', name]),
  };
}

const stack = (tensor: TiledTensor, rows: number) => expand(tensor).subarray(0, rows * tensor.shape[2]);

describe('the rows of class and distillation tokens', () => {
  const shapes = { 'pos.a': [1, 197, 48], 'pos.b': [1, 198, 48], 'pos.grid': [1, 196, 48] };

  it('are drawn from N(0, 0.02²), at the block’s width', async () => {
    const drawn: number[] = [];
    for (let seed = 0; seed < 60; seed++) {
      const tensor = (await predict(positions({ 'pos.b': [1, 198, 32] }), { seed })).get('pos.b')!;
      drawn.push(...stack(tensor, 2));
    }
    expect(drawn).toHaveLength(60 * 2 * 32);
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    const deviation = Math.sqrt(drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length);
    // Five standard errors. The seeds make the result the same in every run.
    expect(Math.abs(mean)).toBeLessThan((5 * 0.02) / Math.sqrt(drawn.length));
    expect(Math.abs(deviation / 0.02 - 1)).toBeLessThan(5 / Math.sqrt(2 * drawn.length));
    expect(Math.max(...drawn.map(Math.abs))).toBeLessThan(0.02 * 6);
  });

  it('are tiled with the rest: a width of 48 repeats the first 32', async () => {
    const tensor = (await predict(positions(shapes))).get('pos.a')!;
    expect(tensor.blockShape).toEqual([1, 197, 32]);
    const row = stack(tensor, 1);
    expect([...row.subarray(32)]).toEqual([...row.subarray(0, 16)]);
  });

  it('are the same for the same seed and tensor, and different for others', async () => {
    const [once, again, other] = [
      await predict(positions(shapes), { seed: 7 }),
      await predict(positions(shapes), { seed: 7 }),
      await predict(positions(shapes), { seed: 8 }),
    ];
    const row = (tensors: ReadonlyMap<string, TiledTensor>, name: string) => [
      ...stack(tensors.get(name)!, 1).subarray(0, 32),
    ];
    expect(row(again, 'pos.a')).toEqual(row(once, 'pos.a'));
    expect(row(other, 'pos.a')).not.toEqual(row(once, 'pos.a'));
    expect(row(once, 'pos.b')).not.toEqual(row(once, 'pos.a'));
  });

  it('do not affect the predicted values, whatever the seed is', async () => {
    const [once, other] = [
      await predict(positions(shapes), { seed: 7 }),
      await predict(positions(shapes), { seed: 8 }),
    ];
    const predicted = (tensors: ReadonlyMap<string, TiledTensor>, name: string) =>
      expand(tensors.get(name)!).subarray((shapes[name as keyof typeof shapes][1] - 196) * 48);
    for (const name of Object.keys(shapes)) expect(predicted(other, name)).toEqual(predicted(once, name));
  });
});

describe('the classifier', () => {
  it('is left out on request, without an effect on the rest', async () => {
    const [whole, body] = [
      await predict(tinyGraph()),
      await predict(tinyGraph(), { predictClassifier: false }),
    ];
    expect([...body.keys()]).toEqual(['conv1.weight', 'bn1.weight', 'bn1.bias']);
    for (const [name, { block }] of body) {
      const expected = whole.get(name)!.block;
      expect(block).toHaveLength(expected.length);
      // Fewer rows are multiplied together, which may change the last bit.
      block.forEach((value, k) => {
        expect(value).toBeCloseTo(expected[k], 6);
      });
    }
  });

  it('of more classes than the GHN has repeats them, and of fewer classes has the first', async () => {
    const withClasses = (classes: number) => {
      const graph = tinyGraph();
      graph.nodes[5]!.weight!.shape = [classes, 16];
      graph.nodes[6]!.bias!.shape = [classes];
      return predict(graph);
    };
    const many = await withClasses(23);
    expect(many.get('fc.weight')!.blockShape).toEqual([10, 16]);
    expect(many.get('fc.bias')!.blockShape).toEqual([10]);
    const weight = expand(many.get('fc.weight')!);
    expect(weight.subarray(20 * 16)).toEqual(weight.subarray(0, 3 * 16));
    const few = await withClasses(4);
    expect(few.get('fc.weight')!.blockShape).toEqual([4, 16]);
    expect(few.get('fc.bias')!.blockShape).toEqual([4]);
  });

  it('has the same numbers as a 1×1 kernel and as a Linear', async () => {
    const graph = tinyGraph();
    graph.nodes[5]!.weight!.shape = [10, 16, 1, 1];
    const [kernel, linear] = [await predict(graph), await predict(tinyGraph())];
    const tensor = kernel.get('fc.weight')!;
    expect(tensor.shape).toEqual([10, 16, 1, 1]);
    // A GHN also reads a network's shapes, which are 1×1 in both cases, so only the rule for the fan-in could differ.
    expect(tensor.block).toEqual(linear.get('fc.weight')!.block);
  });
});

describe('a network’s tensors', () => {
  it('are in the order of the state dict if there is one, otherwise of the nodes', async () => {
    const graph = tinyGraph();
    expect([...(await predict(graph)).keys()]).toEqual([
      'conv1.weight',
      'bn1.weight',
      'bn1.bias',
      'fc.weight',
      'fc.bias',
    ]);
    const parameter = (name: string, shape: number[]) => ({ name, shape, kind: 'parameter' as const });
    graph.state_dict = [
      parameter('fc.bias', [10]),
      { name: 'bn1.num_batches_tracked', shape: [], kind: 'buffer' },
      parameter('fc.weight', [10, 16]),
      parameter('scale', [1]),
      parameter('bn1.weight', [16]),
      parameter('bn1.bias', [16]),
      parameter('conv1.weight', [16, 3, 3, 3]),
    ];
    expect([...(await predict(graph)).keys()]).toEqual([
      'fc.bias',
      'fc.weight',
      'bn1.weight',
      'bn1.bias',
      'conv1.weight',
    ]);
  });

  it('do not depend on the order of the nodes', async () => {
    const graph = tinyGraph();
    const reversed = { ...graph, nodes: graph.nodes.toReversed(), edges: graph.edges.toReversed() };
    const [straight, sorted] = [await predict(graph), await predict(reversed)];
    for (const [name, tensor] of straight) expect(sorted.get(name)).toEqual(tensor);
  });

  it('have the same bits in every run', async () => {
    const [once, again] = [await predict(tinyGraph()), await predict(tinyGraph())];
    expect([...again]).toEqual([...once]);
  });

  it('are an empty list if there is nothing to predict', async () => {
    expect(await predict({ name: 'nothing', nodes: [{ id: 'input', op: 'input' }], edges: [] })).toEqual(
      new Map(),
    );
  });

  it('are not computed further once the request is cancelled', async () => {
    const architecture = buildArchitecture(tinyGraph(), LIMITS);
    const signal = AbortSignal.abort(new Error('not wanted'));
    await expect(ghn.predict(architecture, { predictClassifier: true, seed: 0, signal })).rejects.toThrow(
      'not wanted',
    );
  });
});
