import { describe, expect, it } from 'vitest';
import { parseGraph } from '../../src/architecture/graph.js';
import {
  notPredicted,
  parameterCount,
  parameters,
  predictedTensors,
} from '../../src/architecture/tensors.js';
import { fixtureGraph, LIMITS, tinyGraph } from './fixtures.js';

describe('the tensors of a network', () => {
  it('are in the order of the nodes, weight before bias, if there is no state dict', () => {
    expect(predictedTensors(parseGraph(tinyGraph(), LIMITS))).toEqual([
      { name: 'conv1.weight', shape: [16, 3, 3, 3], role: 'weight', node: 1, classifier: false },
      { name: 'bn1.weight', shape: [16], role: 'weight', node: 2, classifier: false },
      { name: 'bn1.bias', shape: [16], role: 'bias', node: 2, classifier: false },
      { name: 'fc.weight', shape: [10, 16], role: 'weight', node: 5, classifier: true },
      { name: 'fc.bias', shape: [10], role: 'bias', node: 6, classifier: true },
    ]);
  });

  it('are in the order of the state dict if there is one', () => {
    const graph = tinyGraph();
    const own = predictedTensors(parseGraph(graph, LIMITS)).map(({ name, shape }) => ({
      name,
      shape: [...shape],
    }));
    graph.state_dict = own.toReversed().map((tensor) => ({ ...tensor, kind: 'parameter' }));
    const names = predictedTensors(parseGraph(graph, LIMITS)).map(({ name }) => name);
    expect(names).toEqual(['fc.bias', 'fc.weight', 'bn1.bias', 'bn1.weight', 'conv1.weight']);
  });

  it('are counted as PyTorch counts them, without buffers', () => {
    const resnet = parseGraph(fixtureGraph('resnet50'), LIMITS);
    expect(parameterCount(resnet)).toBe(25_557_032);
    expect(parameters(resnet)).toHaveLength(161);
    expect(parameterCount(parseGraph(fixtureGraph('vit_b_16'), LIMITS))).toBe(86_567_656);
  });

  it('are named if no node owns them', () => {
    expect(notPredicted(parseGraph(fixtureGraph('resnet50'), LIMITS))).toEqual([]);
    expect(notPredicted(parseGraph(fixtureGraph('vit_b_16'), LIMITS))).toEqual(['class_token']);
    const scales = notPredicted(parseGraph(fixtureGraph('convnext_tiny-10'), LIMITS));
    expect(scales).toHaveLength(18);
    expect(scales.every((name) => name.endsWith('.layer_scale'))).toBe(true);
  });
});
