import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Architecture } from '../../src/architecture/architecture.js';
import { canonicalGraph, canonicalString } from '../../src/architecture/canonical.js';
import { buildArchitecture, parseGraph } from '../../src/architecture/graph.js';
import type { Graph } from '../../src/architecture/schema.js';
import { FIXTURE_NAMES, fixtureGraph, LIMITS, tinyGraph } from './fixtures.js';
import { randomDag } from './random-dag.js';

const parse = (input: unknown): Architecture => parseGraph(input, LIMITS);

const classifiers = (architecture: Architecture): string[] =>
  architecture.nodes.filter((node) => node.classifier).map((node) => node.id);

describe('a graph architecture', () => {
  it.each(FIXTURE_NAMES)('%s is accepted with its nodes, edges and state dict unchanged', (name) => {
    const given = fixtureGraph(name);
    expect(canonicalGraph(parse(given))).toEqual(given);
  });

  it('is accepted from code too, by the same rules', () => {
    expect(buildArchitecture(tinyGraph(), LIMITS)).toEqual(parse(tinyGraph()));
  });

  it('has pairs of indices as edges, and null as its state dict if it gives none', () => {
    const architecture = parse(tinyGraph());
    expect(architecture.edges).toEqual([0, 1, 2, 3, 4, 5].map((from) => [from, from + 1]));
    expect(architecture.stateDict).toBeNull();
  });

  it('may have nodes that the input does not reach, such as ViT’s position embedding', () => {
    const { nodes, edges } = parse(fixtureGraph('vit_b_16-10'));
    const embedding = nodes.findIndex((node) => node.op === 'pos_enc');
    expect(edges.filter(([, to]) => to === embedding)).toEqual([]);
  });

  it('may have norms without weight, bias or both', () => {
    const graph = tinyGraph();
    const shape = [16];
    graph.nodes[2] = { id: 'bn1', op: 'bn', weight: { name: 'bn1.weight', shape } };
    expect(parse(graph).nodes[2]).toMatchObject({ weight: { name: 'bn1.weight', shape } });
    graph.nodes[2] = { id: 'bn1', op: 'ln' };
    expect(parse(graph).nodes[2]).toEqual({ id: 'bn1', op: 'ln', classifier: false });
  });

  it('gives a pool without a kernel one of 3 by 3', () => {
    const graph = tinyGraph();
    graph.nodes[3] = { id: 'pool', op: 'max_pool' };
    expect(parse(graph).nodes[3]?.kernel).toEqual([3, 3]);
  });

  it('has each edge once, even if it is given several times', () => {
    const graph = tinyGraph();
    graph.edges.push(['conv1', 'bn1'], ['input', 'conv1']);
    expect(parse(graph)).toEqual(parse(tinyGraph()));
  });

  it('may have ids and tensor names that are properties of JavaScript objects', () => {
    const graph = tinyGraph();
    graph.nodes[4] = { id: '__proto__', op: 'conv', weight: { name: 'constructor', shape: [16, 16] } };
    graph.edges[3] = ['pool', '__proto__'];
    graph.edges[4] = ['__proto__', 'fc'];
    expect(parse(graph).nodes[4]?.id).toBe('__proto__');
  });
});

describe('the topological order', () => {
  it('puts the input first, wherever it is in the list', () => {
    const graph = tinyGraph();
    graph.nodes.push(graph.nodes.shift()!);
    expect(canonicalGraph(parse(graph))).toEqual(tinyGraph());
  });

  it('takes the first in the list of the nodes that could come next', () => {
    const graph: Graph = {
      name: 'fork',
      nodes: ['join', 'right', 'left', 'alone', 'input'].map((id) => ({
        id,
        op: id === 'input' ? id : 'sum',
      })),
      edges: [
        ['input', 'left'],
        ['input', 'right'],
        ['left', 'join'],
        ['right', 'join'],
      ],
    };
    expect(parse(graph).nodes.map((node) => node.id)).toEqual(['input', 'right', 'left', 'join', 'alone']);
  });

  it('is valid and gives the same graph, however the nodes and edges are shuffled', () => {
    fc.assert(
      fc.property(randomDag({ maxNodes: 40 }), ({ shuffled, edgeIds }) => {
        const { nodes, edges } = parse(shuffled);
        expect(nodes[0]?.op).toBe('input');
        expect(edges.every(([from, to]) => from < to)).toBe(true);
        expect(new Set(nodes.map((node) => node.id)).size).toBe(shuffled.nodes.length);
        expect(new Set(edges.map(([from, to]) => `${nodes[from]?.id} ${nodes[to]?.id}`))).toEqual(edgeIds);
      }),
    );
  });

  it('does not move nodes that are in order', () => {
    fc.assert(
      fc.property(randomDag({ maxNodes: 40 }), ({ sorted }) => {
        expect(parse(sorted).nodes.map((node) => node.id)).toEqual(sorted.nodes.map((node) => node.id));
      }),
    );
  });
});

describe('the classifier of a graph in which no node is marked', () => {
  const withoutFlags = (graph: Graph): Graph => {
    for (const node of graph.nodes) delete node.classifier;
    return graph;
  };

  it.each(FIXTURE_NAMES)('is that of %s', (name) => {
    expect(classifiers(parse(withoutFlags(fixtureGraph(name))))).toEqual(
      classifiers(parse(fixtureGraph(name))),
    );
  });

  it('is the last node if that is a conv of two dimensions', () => {
    const graph = withoutFlags(tinyGraph());
    graph.nodes.pop();
    graph.edges.pop();
    expect(classifiers(parse(graph))).toEqual(['fc']);
  });

  it('does not exist if the last node is a convolution, even of 1 by 1', () => {
    const graph = withoutFlags(tinyGraph());
    graph.nodes.pop();
    graph.edges.pop();
    graph.nodes[5]!.weight!.shape = [10, 16, 1, 1];
    expect(classifiers(parse(graph))).toEqual([]);
  });

  it('does not exist if the last bias follows a convolution larger than 1 by 1', () => {
    const graph = withoutFlags(tinyGraph());
    graph.nodes[5]!.weight!.shape = [10, 16, 1, 3];
    expect(classifiers(parse(graph))).toEqual([]);
  });

  it('does not exist if the last bias does not directly follow a conv', () => {
    const graph = withoutFlags(tinyGraph());
    graph.nodes.splice(6, 0, { id: 'sum', op: 'sum' });
    graph.edges.splice(5, 1, ['fc', 'sum'], ['sum', 'fc.bias']);
    expect(classifiers(parse(graph))).toEqual([]);
  });

  it('is not searched for if a node says that it is not the classifier', () => {
    const graph = withoutFlags(tinyGraph());
    graph.nodes[5]!.classifier = false;
    expect(classifiers(parse(graph))).toEqual([]);
    expect(classifiers(parse(canonicalGraph(parse(graph))))).toEqual([]);
  });
});

describe('the canonical string', () => {
  const canonical = (input: unknown): string => canonicalString(parse(input));

  it('is the same for any order of keys and edges, with or without explicit defaults', () => {
    for (const name of ['resnet18-10', 'vit_b_16-10']) {
      const graph = fixtureGraph(name);
      const other = {
        state_dict: graph.state_dict?.map(({ name, shape, kind }) => ({ kind, shape, name })),
        edges: graph.edges.toReversed(),
        nodes: graph.nodes.map(({ id, op, weight, bias, kernel }) => ({
          ...(kernel && (kernel[0] !== 3 || kernel[1] !== 3) && { kernel }),
          ...(bias && { bias: { shape: bias.shape, name: bias.name } }),
          ...(weight && { weight: { shape: weight.shape, name: weight.name } }),
          op,
          id,
        })),
        name: graph.name,
      };
      expect(canonical(other)).toBe(canonical(graph));
    }
  });

  it('differs if the network differs', () => {
    const mutations: ((graph: Graph) => void)[] = [
      (graph) => (graph.name = 'other'),
      (graph) => (graph.nodes[1]!.op = 'sep_conv'),
      (graph) => (graph.nodes[1]!.weight!.shape[0] = 17),
      (graph) => (graph.nodes[3]!.kernel = [3, 3]),
      (graph) => (graph.nodes[5]!.classifier = false),
      (graph) => graph.edges.push(['conv1', 'pool']),
      (graph) => (graph.state_dict = stateDict(graph)),
    ];
    const strings = mutations.map((mutate) => {
      const graph = tinyGraph();
      mutate(graph);
      return canonical(graph);
    });
    expect(new Set([canonical(tinyGraph()), ...strings]).size).toBe(mutations.length + 1);
  });

  function stateDict(graph: Graph): Graph['state_dict'] {
    return graph.nodes.flatMap(({ weight, bias }) =>
      [weight, bias].flatMap((tensor) => (tensor ? [{ ...tensor, kind: 'parameter' as const }] : [])),
    );
  }
});
