import { describe, expect, it } from 'vitest';
import { FaultList, MAX_FAULT_BYTES, MAX_FAULTS } from '../../src/architecture/faults.js';
import type { Graph } from '../../src/architecture/schema.js';
import { fixtureGraph, graphFaults, LIMITS, tinyGraph } from './fixtures.js';

/** Returns the faults of the example network after a change, which may violate the schema's types. */
function faultsAfter(change: (graph: Untyped) => void, limits = LIMITS) {
  const graph = tinyGraph() as Untyped;
  change(graph);
  return graphFaults(graph, limits);
}

interface Untyped {
  [key: string]: unknown;
  nodes: { [key: string]: unknown }[];
  edges: unknown[];
}

describe('a graph is refused, with the place and the remedy, for', () => {
  it('an unknown op', () => {
    expect(faultsAfter((graph) => (graph.nodes[1]!.op = 'convv'))).toEqual([
      {
        path: '/nodes/1/op',
        message:
          'unknown op "convv"; did you mean "conv"? (the ops are max_pool, avg_pool, sep_conv, dil_conv, conv, msa, ' +
          'cse, sum, concat, input, bias, bn, ln, pos_enc, glob_avg, and other for what a GHN cannot predict)',
      },
    ]);
  });

  it('a duplicate id', () => {
    expect(faultsAfter((graph) => (graph.nodes[4]!.id = 'pool'))).toEqual([
      { path: '/nodes/4/id', message: 'duplicate id "pool": node 3 has it too' },
      { path: '/edges/3/1', message: '"gap" is not the id of a node' },
      { path: '/edges/4/0', message: '"gap" is not the id of a node' },
    ]);
  });

  it('a duplicate tensor name', () => {
    const bias = { name: 'bn1.weight', shape: [16] };
    expect(faultsAfter((graph) => (graph.nodes[2]!.bias = bias))).toEqual([
      { path: '/nodes/2/bias/name', message: 'duplicate tensor name "bn1.weight": bn "bn1" owns it too' },
    ]);
  });

  it('an edge to nowhere', () => {
    expect(faultsAfter((graph) => (graph.edges[1] = ['conv_1', 'nothing alike']))).toEqual([
      { path: '/edges/1/0', message: '"conv_1" is not the id of a node; did you mean "conv1"?' },
      { path: '/edges/1/1', message: '"nothing alike" is not the id of a node' },
    ]);
  });

  it('a cycle, naming the nodes on it in their direction', () => {
    expect(faultsAfter((graph) => graph.edges.push(['gap', 'bn1']))).toEqual([
      {
        path: '/edges/6',
        message: 'a cycle: "bn1" → "pool" → "gap" → "bn1"; remove one of its edges',
      },
    ]);
  });

  it('each of two cycles', () => {
    const faults = faultsAfter((graph) =>
      graph.edges.push(['bn1', 'conv1'], ['fc.bias', 'fc'], ['gap', 'gap']),
    );
    expect(faults.map(({ path }) => path).toSorted()).toEqual(['/edges/6', '/edges/7', '/edges/8']);
  });

  it('a node that leads to itself', () => {
    expect(faultsAfter((graph) => graph.edges.push(['pool', 'pool']))).toEqual([
      { path: '/edges/6', message: 'a cycle: "pool" → "pool"; remove one of its edges' },
    ]);
  });

  it('no input', () => {
    const faults = faultsAfter((graph) => (graph.nodes[0] = { id: 'input', op: 'sum' }));
    expect(faults).toEqual([
      { path: '/nodes', message: 'there is no node of op input; a network has exactly one, for its data' },
    ]);
  });

  it('two inputs', () => {
    expect(faultsAfter((graph) => graph.nodes.push({ id: 'other', op: 'input' }))).toEqual([
      { path: '/nodes/7/op', message: 'a second input, "other", besides "input"; a network has one' },
    ]);
  });

  it('an edge that leads to the input', () => {
    const faults = faultsAfter((graph) => {
      graph.nodes.push({ id: 'before', op: 'sum' });
      graph.edges.push(['before', 'input']);
    });
    expect(faults).toEqual([
      { path: '/edges/6', message: 'no edge may lead to the input, but "before" does' },
    ]);
  });

  it.each([
    [[], '/nodes/1/weight/shape', 'a shape is an array of 1 to 4 positive integers'],
    [[1, 2, 3, 4, 5], '/nodes/1/weight/shape', 'a shape is an array of 1 to 4 positive integers'],
    ['16x3', '/nodes/1/weight/shape', 'a shape is an array of 1 to 4 positive integers, not "16x3"'],
    [[16, 0, 3, 3], '/nodes/1/weight/shape/1', 'must be a positive integer'],
    [[16, -3, 3, 3], '/nodes/1/weight/shape/1', 'must be a positive integer'],
    [[16, 3.5, 3, 3], '/nodes/1/weight/shape/1', 'must be a positive integer, not 3.5'],
    [[16, '3', 3, 3], '/nodes/1/weight/shape/1', 'must be a positive integer, not "3"'],
    [[16, null, 3, 3], '/nodes/1/weight/shape/1', 'must be a positive integer, not null'],
  ])('a shape %j', (shape, path, message) => {
    const faults = faultsAfter((graph) => (graph.nodes[1]!.weight = { name: 'conv1.weight', shape }));
    expect(faults).toEqual([{ path, message }]);
  });

  it('an integer that is not exact', () => {
    const shape = [2 ** 60, 3, 3, 3];
    const [fault] = faultsAfter((graph) => (graph.nodes[1]!.weight = { name: 'conv1.weight', shape }));
    expect(fault?.path).toBe('/nodes/1/weight/shape/0');
  });

  it.each([
    ['conv', [16], '[o, i] or [o, i, kh, kw]'],
    ['conv', [16, 3, 3], '[o, i] or [o, i, kh, kw]'],
    ['sep_conv', [16, 3], '[o, i, kh, kw]'],
    ['dil_conv', [16], '[o, i, kh, kw]'],
    ['pos_enc', [16], '[1, L, E], [L, E] or [1, E, h, w]'],
    ['pos_enc', [2, 16, 16], '[1, L, E], [L, E] or [1, E, h, w]'],
    ['bn', [16, 1], '[c]'],
    ['ln', [16, 1], '[c]'],
  ])('a weight of %s that is %j', (op, shape, expected) => {
    const faults = faultsAfter((graph) => {
      graph.nodes[1] = { id: 'conv1', op, weight: { name: 'conv1.weight', shape } };
    });
    expect(faults).toEqual([
      {
        path: '/nodes/1/weight/shape',
        message: `the weight of ${op} "conv1" has shape [${shape.join(', ')}]; expected ${expected}`,
      },
    ]);
  });

  it('a bias of two dimensions', () => {
    const faults = faultsAfter((graph) => (graph.nodes[6]!.bias = { name: 'fc.bias', shape: [10, 1] }));
    expect(faults).toEqual([
      { path: '/nodes/6/bias/shape', message: 'the bias of bias "fc.bias" has shape [10, 1]; expected [c]' },
    ]);
  });

  it('a norm whose weight and bias differ', () => {
    const faults = faultsAfter((graph) => (graph.nodes[2]!.bias = { name: 'bn1.bias', shape: [8] }));
    expect(faults).toEqual([
      {
        path: '/nodes/2/bias/shape',
        message: 'the bias of bn "bn1" has shape [8], its weight [16]: they must be the same',
      },
    ]);
  });

  it('tensors that the op does not own, or lacks', () => {
    const tensor = { name: 'new', shape: [16] };
    expect(faultsAfter((graph) => (graph.nodes[1]!.bias = tensor))).toEqual([
      {
        path: '/nodes/1/bias',
        message:
          'conv "conv1" owns only a weight, so it cannot have a bias; a bias is a node of its own, of op bias',
      },
    ]);
    expect(faultsAfter((graph) => (graph.nodes[4]!.weight = tensor))).toEqual([
      { path: '/nodes/4/weight', message: 'glob_avg "gap" owns no tensors, so it cannot have a weight' },
    ]);
    expect(faultsAfter((graph) => (graph.nodes[6]!.weight = tensor))).toEqual([
      { path: '/nodes/6/weight', message: 'bias "fc.bias" owns only a bias, so it cannot have a weight' },
    ]);
    expect(faultsAfter((graph) => delete graph.nodes[1]!.weight)).toEqual([
      { path: '/nodes/1/weight', message: 'conv "conv1" needs a weight of shape [o, i] or [o, i, kh, kw]' },
    ]);
  });

  it('a kernel on a node that is not a pool', () => {
    expect(faultsAfter((graph) => (graph.nodes[1]!.kernel = [3, 3]))).toEqual([
      {
        path: '/nodes/1/kernel',
        message: 'conv "conv1" has no kernel; only max_pool and avg_pool have one',
      },
    ]);
  });

  it('a kernel that is not two positive integers', () => {
    expect(faultsAfter((graph) => (graph.nodes[3]!.kernel = [2]))).toEqual([
      { path: '/nodes/3/kernel', message: 'a kernel is [height, width]' },
    ]);
    expect(faultsAfter((graph) => (graph.nodes[3]!.kernel = [2, 0]))).toEqual([
      { path: '/nodes/3/kernel/1', message: 'must be a positive integer' },
    ]);
  });

  it.each([1, 2, 3])('a classifier that cannot be one (node %i)', (index) => {
    const faults = faultsAfter((graph) => (graph.nodes[index]!.classifier = true));
    const { op, id } = tinyGraph().nodes[index]!;
    expect(faults).toEqual([
      {
        path: `/nodes/${index}/classifier`,
        message:
          `${op} "${id}" cannot be the classifier: only a conv of shape [o, i] or [o, i, 1, 1], or its bias, ` +
          'can be the classifier',
      },
    ]);
  });

  it('more nodes than the limit', () => {
    expect(graphFaults(tinyGraph(), { ...LIMITS, maxNodes: 6 })).toEqual([
      { path: '/nodes', message: '7 nodes, more than the 6 that this server takes (MAX_NODES)' },
    ]);
  });

  it('more parameters than the limit, predicted or not', () => {
    expect(graphFaults(tinyGraph(), { ...LIMITS, maxParameters: 633 })).toEqual([
      {
        path: '/nodes',
        message: '634 parameters, more than the 633 that this server takes (MAX_PARAMETERS)',
      },
    ]);
    const vit = fixtureGraph('vit_b_16');
    expect(graphFaults(vit, { ...LIMITS, maxParameters: 86_567_655 })).toEqual([
      {
        path: '/state_dict',
        message: '86567656 parameters, more than the 86567655 that this server takes (MAX_PARAMETERS)',
      },
    ]);
    const shape = new Array<number>(4).fill(Number.MAX_SAFE_INTEGER);
    const [fault] = faultsAfter((graph) => (graph.nodes[1]!.weight = { name: 'conv1.weight', shape }));
    expect(fault?.path).toBe('/nodes');
  });

  it('a state dict that does not have every tensor of the nodes as it is', () => {
    const graph = fixtureGraph('resnet18-10') as Required<Graph>;
    const [conv, gain, bias, mean] = graph.state_dict as [Entry, Entry, Entry, Entry];
    const rest = graph.state_dict.slice(4);
    const faultsWith = (...entries: unknown[]) =>
      graphFaults({ ...graph, state_dict: [...entries, ...rest] });
    expect(faultsWith(gain, bias, mean)).toEqual([
      {
        path: '/nodes/1/weight/name',
        message: '"conv1.weight" is not in state_dict, which must have every tensor of the nodes',
      },
    ]);
    expect(faultsWith({ ...conv, shape: [64, 1, 7, 7] }, gain, bias, mean)).toEqual([
      {
        path: '/state_dict/0/shape',
        message:
          '"conv1.weight" has shape [64, 1, 7, 7] here and [64, 3, 7, 7] at conv "conv1": they must be the same',
      },
    ]);
    expect(faultsWith(conv, { ...gain, kind: 'buffer' }, bias, mean)).toEqual([
      {
        path: '/state_dict/1/kind',
        message: '"bn1.weight" is a tensor of bn "bn1", so its kind must be "parameter"',
      },
    ]);
    expect(faultsWith(conv, gain, bias, { ...mean, name: 'bn1.bias' })).toEqual([
      { path: '/state_dict/3/name', message: 'duplicate tensor name "bn1.bias": entry 2 has it too' },
    ]);
    expect(faultsWith(conv, gain, bias, { ...mean, kind: 'running' })).toEqual([
      { path: '/state_dict/3/kind', message: 'must be "parameter" or "buffer"' },
    ]);
  });

  it('unknown keys, each with its path', () => {
    const faults = faultsAfter((graph) => {
      graph.layers = [];
      graph.nodes[1]!['a/b~c'] = 1;
      graph.nodes[1]!.Kernel = 1;
    });
    const known = 'id, op, weight, bias, kernel, classifier';
    expect(faults).toEqual([
      { path: '/layers', message: 'unknown key; a graph has name, nodes, edges, state_dict' },
      { path: '/nodes/1/a~1b~0c', message: `unknown key; a node has ${known}` },
      { path: '/nodes/1/Kernel', message: `unknown key; did you mean "kernel"? (a node has ${known})` },
    ]);
  });

  it('values of another type, and missing values', () => {
    const faults = faultsAfter((graph) => {
      graph.name = 7;
      graph.nodes[0] = { id: 'input' };
      graph.nodes[1] = null as never;
      graph.nodes[2]!.classifier = 'yes';
      graph.edges[0] = 'input';
    });
    expect(faults.map(({ path }) => path)).toEqual([
      '/name',
      '/nodes/0/op',
      '/nodes/1',
      '/nodes/2/classifier',
      '/edges/0',
      '/edges/1/0',
    ]);
    expect(faults.map(({ message }) => message)).toMatchObject([
      'expected a string, not 7',
      expect.stringMatching(/^the op is missing/),
      'expected an object, not null',
      'expected a boolean, not "yes"',
      'an edge is a pair of ids, [from, to], not "input"',
      '"conv1" is not the id of a node',
    ]);
    expect(graphFaults({ name: 'empty' })).toEqual([
      { path: '/nodes', message: 'is missing: expected an array' },
      { path: '/edges', message: 'is missing: expected an array' },
    ]);
    for (const nothing of [null, undefined, 3, 'resnet', [], [[]]]) {
      expect(graphFaults(nothing).map(({ path }) => path)).toEqual(['']);
    }
  });

  it.each([
    ['', 'a name has at least one character'],
    ['x'.repeat(513), 'a name has at most 512 characters'],
    ['two\nlines', 'a name is well-formed Unicode without control characters'],
    ['half \ud800', 'a name is well-formed Unicode without control characters'],
  ])('the name %j', (name, message) => {
    expect(faultsAfter((graph) => (graph.name = name))).toEqual([{ path: '/name', message }]);
  });

  it('a tensor with the name of a safetensors file’s metadata', () => {
    const weight = { name: '__metadata__', shape: [10, 16] };
    const [fault] = faultsAfter((graph) => (graph.nodes[5]!.weight = weight));
    expect(fault?.path).toBe('/nodes/5/weight/name');
  });

  it('all of its faults at once', () => {
    const faults = faultsAfter((graph) => {
      graph.nodes[1]!.op = 'conf';
      graph.nodes[2]!.id = 'pool';
      graph.nodes[6]!.bias = { name: 'fc.weight', shape: [10] };
      graph.nodes[3]!.classifier = true;
      graph.edges.push(['fc', 'gap'], ['nowhere', 'gap']);
    });
    expect(faults.map(({ path }) => path)).toEqual([
      '/nodes/1/op',
      '/nodes/3/id',
      '/nodes/6/bias/name',
      '/nodes/3/classifier',
      '/edges/1/1',
      '/edges/2/0',
      '/edges/7/0',
      '/edges/6',
    ]);
  });
});

describe('a graph with very many faults', () => {
  it.each([
    ['nodes', { name: 'x', nodes: new Array(4000).fill(0), edges: [] }],
    ['edges', { name: 'x', nodes: [], edges: new Array(300_000).fill(0) }],
    ['keys', { name: 'x', nodes: [Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [i, i]))] }],
  ])('has the faults of %s listed up to a limit', (_, graph) => {
    const faults = graphFaults(graph);
    expect(faults).toHaveLength(MAX_FAULTS + 1);
    expect(faults.at(-1)).toEqual({
      path: '',
      message: `there are more than these ${MAX_FAULTS} faults; the others are not listed`,
    });
  });

  it('has one fault for a repeated shape', () => {
    const shape = new Array(1_000_000).fill('x');
    const faults = faultsAfter((graph) => (graph.nodes[1]!.weight = { name: 'conv1.weight', shape }));
    expect(faults.length).toBeLessThan(10);
  });

  it('has edges to unknown ids, among thousands of similar long ids, listed up to a limit', () => {
    const ids = Array.from({ length: 5000 }, (_, i) => `${'node'.repeat(100)}${i}`);
    const graph = {
      name: 'x',
      nodes: ids.map((id, i) => ({ id, op: i === 0 ? 'input' : 'sum' })),
      edges: ids.map((id) => [id, `${id}?`]),
    };
    expect(graphFaults(graph)).toHaveLength(MAX_FAULTS + 1);
  });
});

describe('very long keys and names', () => {
  it('appear in the path by their beginning', () => {
    const faults = graphFaults({ ...tinyGraph(), ['~'.repeat(1e6)]: 1, [`${'k'.repeat(199)}😀`]: 1 });
    expect(faults.map(({ path }) => path)).toEqual([`/${'~0'.repeat(200)}…`, `/${'k'.repeat(199)}…`]);
  });

  it('do not make a message long', () => {
    const list = new FaultList();
    list.add([], 'm'.repeat(1e6));
    expect(list.error().faults[0]!.message).toHaveLength(2001);
  });

  it('end the list early if all faults together would be long', () => {
    const ops = Array.from({ length: 100 }, (_, i) => ({
      id: `${'\u2028'.repeat(500)}${i}`,
      op: 'conv',
      kernel: [1, 1],
    }));
    const faults = graphFaults({ name: 'x', nodes: [{ id: 'i', op: 'input' }, ...ops], edges: [] });
    expect(Buffer.byteLength(JSON.stringify(faults))).toBeLessThan(MAX_FAULT_BYTES + 200);
    expect(faults.at(-1)!.message).toBe(
      `there are more than these ${faults.length - 1} faults; the others are not listed`,
    );
    expect(faults.length).toBeGreaterThan(20);
  });
});

type Entry = NonNullable<Graph['state_dict']>[number];
