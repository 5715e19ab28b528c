import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildArchitecture } from '../../src/architecture/graph.js';
import type { Graph } from '../../src/architecture/schema.js';
import { loadArchitecture } from '../../src/architecture/zoo.js';
import type { Engine } from '../../src/engine/engine.js';
import { createOnnxruntimeEngine } from '../../src/engine/onnxruntime/engine.js';
import { networkNorm } from '../../src/verify/network-norm.js';
import { LIMITS } from '../architecture/fixtures.js';
import { loadNano } from '../ghn/loaded.js';

let engine: Engine;
beforeAll(async () => {
  engine = await createOnnxruntimeEngine();
});
afterAll(() => engine.dispose());

async function normOf(ghn: string, graph: Graph, seed = 0) {
  const architecture = buildArchitecture(graph, LIMITS);
  const loaded = await loadNano(`${ghn}.pt`, engine);
  return networkNorm(architecture, await loaded.predict(architecture, { predictClassifier: true, seed }));
}

/** Returns the sum of squares in PyTorch's own prediction, without the values that are drawn at random. */
function squaresInPyTorch(ghn: string, fixture: string): number {
  const file = new URL(`../fixtures/predictions/${ghn}/${fixture}.json`, import.meta.url);
  const tensors = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { l2: number }>;
  return Object.values(tensors).reduce((sum, { l2 }) => sum + l2 ** 2, 0);
}

describe('the norm over all parameters of a network', () => {
  it.each([
    ['ghn3-nano', 'resnet18'],
    ['ghn3-nano', 'squeezenet1_1'],
    ['ghn2-nano', 'mobilenet_v3_small'],
    ['ghn2-nano', 'regnet_y_400mf'],
  ])('equals PyTorch’s, by %s for %s', async (ghn, name) => {
    const { norm, deviation } = await normOf(ghn, loadArchitecture(name, 10));
    expect(norm / Math.sqrt(squaresInPyTorch(ghn, `${name}-10`))).toBeCloseTo(1, 6);
    expect(deviation).toBe(0);
  });

  it('uses 1e-6 for ConvNeXt’s layer scales', async () => {
    const graph = loadArchitecture('convnext_tiny', 10);
    const scales = graph.state_dict!.filter(({ name }) => name.endsWith('layer_scale'));
    const count = scales.reduce((sum, { shape }) => sum + shape[0]!, 0);
    expect(count).toBeGreaterThan(1000);
    const { norm, deviation } = await normOf('ghn3-nano', graph);
    const squares = squaresInPyTorch('ghn3-nano', 'convnext_tiny-10') + count * 1e-12;
    expect(norm / Math.sqrt(squares)).toBeCloseTo(1, 6);
    expect(deviation).toBe(0);
  });

  it('uses the expectation of Swin’s relative position tables, N(0, 0.02²)', async () => {
    const graph = loadArchitecture('swin_t', 10);
    const tables = graph.state_dict!.filter(({ name }) => name.endsWith('relative_position_bias_table'));
    const count = tables.reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0);
    const { norm, deviation } = await normOf('ghn3-nano', graph);
    const squares = squaresInPyTorch('ghn3-nano', 'swin_t-10') + count * 0.02 ** 2;
    expect(norm / Math.sqrt(squares)).toBeCloseTo(1, 6);
    expect(deviation / ((0.02 ** 2 * Math.sqrt(2 * count)) / (2 * norm))).toBeCloseTo(1, 9);
  });

  it('ignores ViT’s class token, and uses the expectation of its position’s row', async () => {
    const graph = loadArchitecture('vit_b_16', 10);
    const { norm, deviation } = await normOf('ghn3-nano', graph);
    const squares = squaresInPyTorch('ghn3-nano', 'vit_b_16-10') + 768 * 0.02 ** 2;
    expect(norm / Math.sqrt(squares)).toBeCloseTo(1, 6);
    // The row's 32 numbers are drawn once, and each occurs 24 times.
    expect(deviation / ((24 * 0.02 ** 2 * Math.sqrt(2 * 32)) / (2 * norm))).toBeCloseTo(1, 9);
  });

  it('does not depend on random values', async () => {
    const graph = loadArchitecture('vit_b_32', 10);
    expect((await normOf('ghn3-nano', graph, 1)).norm).toBe((await normOf('ghn3-nano', graph, 2)).norm);
  });

  it('refuses a parameter with an unknown initial value', async () => {
    const graph = loadArchitecture('resnet18', 10);
    graph.state_dict!.push({ name: 'temperature', shape: [1], kind: 'parameter' });
    await expect(normOf('ghn3-nano', graph)).rejects.toThrow(/temperature is not predicted/);
  });
});
