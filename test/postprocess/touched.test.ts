import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Architecture } from '../../src/architecture/architecture.js';
import { parseGraph } from '../../src/architecture/graph.js';
import { touched } from '../../src/postprocess/touched.js';
import { fixtureGraph, LIMITS, tinyGraph } from '../architecture/fixtures.js';

const file = new URL('../fixtures/postprocess/touched.json', import.meta.url);
/** Names of the weights that the authors' code transforms, by network and its settings "layer" and "max_sz". */
const expected = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string[]>;

const FIXTURES: Record<string, string> = {
  resnet18: 'resnet18-10',
  vit_b_16: 'vit_b_16',
  convnext_tiny: 'convnext_tiny-10',
  mobilenet_v3_small: 'mobilenet_v3_small-10',
};
const ALL = { fromLayer: 0, minChannels: 0 };

const network = (name: string): Architecture => parseGraph(fixtureGraph(name), LIMITS);

describe('the weights that post-processing transforms', () => {
  test.each(Object.entries(expected))('are those of the authors’ code: %s', (key, names) => {
    const [name, ...json] = key.split(' ');
    const settings = JSON.parse(json.join(' ') || '{}') as { layer?: number; max_sz?: number };
    const options = { fromLayer: settings.layer ?? 0, minChannels: settings.max_sz ?? 0 };
    expect(touched(network(FIXTURES[name]), options)).toEqual(names);
  });

  test('are in the order of the nodes if there is no state_dict', () => {
    const { nodes, ...rest } = network('resnet18-10');
    const names = touched({ ...rest, nodes, stateDict: null }, ALL);
    const owned = nodes.flatMap(({ weight }) => weight ?? []).filter(({ shape }) => shape.length > 1);
    expect(names).toEqual(owned.map(({ name }) => name).filter((name) => name !== 'fc.weight'));
  });

  test('exclude the last if there is no classifier', () => {
    const graph = tinyGraph();
    const body = { ...graph, nodes: graph.nodes.slice(0, 5), edges: graph.edges.slice(0, 4) };
    const second = {
      id: 'conv2',
      op: 'conv' as const,
      weight: { name: 'conv2.weight', shape: [8, 16, 1, 1] },
    };
    const architecture = parseGraph(
      {
        ...body,
        nodes: [...body.nodes, second, { id: 'end', op: 'glob_avg' }],
        edges: [...body.edges, ['gap', 'conv2'], ['conv2', 'end']],
      },
      LIMITS,
    );
    expect(architecture.nodes.some(({ classifier }) => classifier)).toBe(false);
    expect(touched(architecture, ALL)).toEqual(['conv1.weight']);
  });

  test('are counted even if they are not predicted, but not if they are buffers or position embeddings', () => {
    const architecture: Architecture = {
      ...parseGraph(tinyGraph(), LIMITS),
      stateDict: [
        { name: 'table.weight', shape: [4, 4], kind: 'buffer' },
        { name: 'embedding.weight', shape: [30, 8], kind: 'parameter' },
        { name: 'conv1.weight', shape: [16, 3, 3, 3], kind: 'parameter' },
        { name: 'bn1.weight', shape: [16], kind: 'parameter' },
        { name: 'fc.weight', shape: [10, 16], kind: 'parameter' },
      ],
    };
    expect(touched(architecture, ALL)).toEqual(['embedding.weight', 'conv1.weight']);
    expect(touched(architecture, { ...ALL, fromLayer: 2 })).toEqual(['conv1.weight']);
    const position = {
      id: 'position',
      op: 'pos_enc' as const,
      classifier: false,
      weight: { name: 'embedding.weight', shape: [30, 8] },
    };
    expect(touched({ ...architecture, nodes: [...architecture.nodes, position] }, ALL)).toEqual([
      'conv1.weight',
    ]);
  });

  test('may be an empty list', () => {
    expect(touched(network('resnet18-10'), { fromLayer: 100, minChannels: 0 })).toEqual([]);
    expect(touched(network('resnet18-10'), { fromLayer: 0, minChannels: 512 })).toEqual([]);
  });
});
