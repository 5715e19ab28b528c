import { describe, expect, it } from 'vitest';
import { parseGraph } from '../../src/architecture/graph.js';
import type { Graph } from '../../src/architecture/schema.js';
import { listArchitectures, loadArchitecture } from '../../src/architecture/zoo.js';
import { graphFaults, LIMITS, tinyGraph } from './fixtures.js';
import { image, kerasFaults, layer, sequential } from './keras/keras.js';
import { layerFaults } from './layers/layers.js';

type Entry = NonNullable<Graph['state_dict']>[number];

/** Limits with exactly the example's number of nodes. */
const SMALL = { ...LIMITS, maxNodes: 7 };

/** Returns tensors without entries, which no limit of parameters restricts. */
function emptyTensors(count: number, name: string): Entry[] {
  return Array.from({ length: count }, (_, i) => ({ name: `${name}${i}`, shape: [0], kind: 'parameter' }));
}

/** Returns the example with its five tensors in a state dict, and others. */
function withTensors(others: readonly Entry[]): Graph {
  const graph = tinyGraph();
  const own = graph.nodes.flatMap(({ weight, bias }) => [weight, bias].flatMap((tensor) => tensor ?? []));
  return {
    ...graph,
    state_dict: [...own.map((tensor): Entry => ({ ...tensor, kind: 'parameter' })), ...others],
  };
}

describe('a graph is limited', () => {
  it('in its edges, even if they are equal', () => {
    const graph = tinyGraph();
    graph.edges = Array.from({ length: 448 }, (_, i) => tinyGraph().edges[i % 6]!);
    expect(graphFaults(graph, SMALL)).toEqual([]);
    graph.edges.push(['input', 'conv1']);
    expect(graphFaults(graph, SMALL)).toEqual([
      { path: '/edges', message: '449 edges, more than the 448 that this server takes (MAX_NODES)' },
    ]);
  });

  it('in the entries of its state dict, whatever their shapes, before they are read', () => {
    expect(graphFaults(withTensors(emptyTensors(51, 'more')), SMALL)).toEqual([]);
    const { state_dict, ...graph } = withTensors(emptyTensors(51, 'more'));
    expect(graphFaults({ ...graph, state_dict: [...state_dict!, 'none'] }, SMALL)).toEqual([
      { path: '/state_dict', message: '57 tensors, more than the 56 that this server takes (MAX_NODES)' },
    ]);
  });

  it('in the names of its tensors, with a state dict or without one', () => {
    expect(graphFaults(withTensors(emptyTensors(8, 'é'.repeat(256))), SMALL)).toEqual([
      {
        path: '/state_dict',
        message: '4150 bytes of tensors’ names, more than the 3584 that this server takes (MAX_NODES)',
      },
    ]);
    const name = (part: string) => `${part}${'n'.repeat(500)}`;
    const norms = Array.from({ length: 6 }, (_, i) => ({
      id: `norm${i}`,
      op: 'bn',
      weight: { name: name(`w${i}`), shape: [1] },
      bias: { name: name(`b${i}`), shape: [1] },
    }));
    const graph = { name: 'x', nodes: [{ id: 'input', op: 'input' }, ...norms], edges: [] };
    expect(graphFaults(graph, SMALL)).toEqual([
      {
        path: '/nodes',
        message: '6024 bytes of tensors’ names, more than the 3584 that this server takes (MAX_NODES)',
      },
    ]);
  });
});

describe('layers are limited', () => {
  it('in their total size', () => {
    const sums = Array.from({ length: 7 }, (_, i) => ({
      name: `sum${i}`,
      type: 'Add',
      inputs: Array(64 + i).fill('input'),
    }));
    expect(layerFaults(sums, undefined, SMALL)).toEqual([
      {
        path: '/layers',
        message: '469 inputs of layers, more than the 448 that this server takes (MAX_NODES)',
      },
    ]);
  });

  it('in the names of their tensors', () => {
    const layers = Array.from({ length: 20_000 }, (_, i) => ({
      name: `${i}${'.a'.repeat(250)}`,
      type: 'ClassToken',
      embed_dim: 1,
    }));
    const [fault] = layerFaults(layers);
    expect(fault).toEqual({
      path: '/layers',
      message: expect.stringMatching(/bytes of tensors’ names, more than the 2560000 that/) as string,
    });
  });
});

it('a name that would make the names of a layer’s tensors too long is refused', () => {
  const name = 'f'.repeat(506);
  const linear = { type: 'Linear', in_features: 1, out_features: 1 };
  expect(layerFaults([{ name: name.slice(1), ...linear }])).toEqual([]);
  expect(layerFaults([{ name, ...linear }])).toEqual([
    {
      path: '/layers/0/name',
      message:
        `a tensor of Linear "${'f'.repeat(80)}…" would have a name of 513 characters; give the layer a shorter one: ` +
        'names have at most 512',
    },
  ]);
  const dense = sequential(image(4), layer('Dense', name, { units: 1 }));
  const [fault] = kerasFaults(dense);
  expect(fault!.path).toBe('/keras/config/layers/1/config/name');
});

it('known networks would be within the limits even with the largest number of nodes', () => {
  for (const { name } of listArchitectures()) {
    const graph = loadArchitecture(name);
    const limits = { ...LIMITS, maxNodes: graph.nodes.length };
    expect(() => parseGraph(graph, limits), name).not.toThrow();
  }
});
