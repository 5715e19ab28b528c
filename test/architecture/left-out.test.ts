import { describe, expect, it } from 'vitest';
import { canonicalGraph } from '../../src/architecture/canonical.js';
import { parseArchitecture } from '../../src/architecture/parse.js';
import { notPredicted, parameterCount, predictedTensors } from '../../src/architecture/tensors.js';
import { faultsOf, LIMITS, tinyGraph } from './fixtures.js';
import { edges } from './layers/layers.js';

const SKIP = '; "unsupported": "skip" beside the architecture leaves it out';

/** Returns the API's example with a group norm in place of its batch norm, and with additional fields. */
const withGroupNorm = (more: object = {}) => {
  const graph = tinyGraph();
  const tensors = [
    { name: 'gn1.weight', shape: [16] },
    { name: 'gn1.bias', shape: [16] },
  ];
  const nodes: object[] = graph.nodes.map((node) =>
    node.id === 'bn1' ? { id: 'bn1', op: 'other', tensors } : node,
  );
  return { ...graph, nodes, ...more };
};

const skipped = (input: unknown) => parseArchitecture(input, LIMITS, 'skip');
const refused = (input: unknown) => faultsOf(() => parseArchitecture(input, LIMITS));

describe('a graph with a node of op other', () => {
  it('is refused, with the place and the remedy', () => {
    expect(refused(withGroupNorm())).toEqual([
      {
        path: '/nodes/2/op',
        message: `other "bn1" cannot be predicted: a GHN has no operation for it${SKIP}`,
      },
    ]);
  });

  it('is predicted without it on request: its inputs are connected to its outputs', () => {
    const architecture = skipped(withGroupNorm());
    expect(edges(architecture)).toEqual([
      'input > conv1',
      'conv1 > pool',
      'pool > gap',
      'gap > fc',
      'fc > fc.bias',
    ]);
    expect(architecture.leftOut).toEqual(['other "bn1": a GHN has no operation for it']);
    expect(predictedTensors(architecture).map(({ name }) => name)).toEqual([
      'conv1.weight',
      'fc.weight',
      'fc.bias',
    ]);
    expect(notPredicted(architecture)).toEqual(['gn1.weight', 'gn1.bias']);
    expect(parameterCount(architecture)).toBe(432 + 16 + 16 + 160 + 10);
  });

  it('finds the same classifier as without it', () => {
    const nodes = (withGroupNorm().nodes as { classifier?: boolean }[]).map(
      ({ classifier, ...node }) => node,
    );
    const classifiers = skipped(withGroupNorm({ nodes })).nodes.filter(({ classifier }) => classifier);
    expect(classifiers.map(({ id }) => id)).toEqual(['fc', 'fc.bias']);
  });

  it('is the same graph when it is read again', () => {
    const architecture = skipped(withGroupNorm());
    const again = parseArchitecture(canonicalGraph(architecture), LIMITS);
    expect(canonicalGraph(again)).toEqual(canonicalGraph(architecture));
    expect(notPredicted(again)).toEqual(['gn1.weight', 'gn1.bias']);
  });

  it('can have several in a row, with several inputs and outputs, and none at the end', () => {
    const conv = (id: string) => ({ id, op: 'conv', weight: { name: `${id}.weight`, shape: [4, 4] } });
    const other = (id: string) => ({ id, op: 'other' });
    const architecture = skipped({
      name: 'net',
      nodes: [
        { id: 'input', op: 'input' },
        conv('a'),
        conv('b'),
        other('x'),
        other('y'),
        conv('c'),
        conv('d'),
        other('z'),
      ],
      edges: [
        ['input', 'a'],
        ['input', 'b'],
        ['a', 'x'],
        ['b', 'y'],
        ['x', 'y'],
        ['y', 'c'],
        ['y', 'd'],
        ['b', 'd'],
        ['d', 'z'],
      ],
    });
    expect(edges(architecture)).toEqual(['input > a', 'input > b', 'a > c', 'a > d', 'b > c', 'b > d']);
  });

  it('keeps the order of a state dict that contains its tensors', () => {
    const state_dict = ['fc.bias', 'gn1.bias', 'gn1.weight', 'conv1.weight', 'fc.weight'].map((name) => {
      const shape = { 'conv1.weight': [16, 3, 3, 3], 'fc.weight': [10, 16], 'fc.bias': [10] }[name] ?? [16];
      return { name, shape, kind: 'parameter' };
    });
    const architecture = skipped(withGroupNorm({ state_dict }));
    expect(predictedTensors(architecture).map(({ name }) => name)).toEqual([
      'fc.bias',
      'conv1.weight',
      'fc.weight',
    ]);
    expect(notPredicted(architecture)).toEqual(['gn1.bias', 'gn1.weight']);
    const [fault] = faultsOf(() => skipped(withGroupNorm({ state_dict: state_dict.toSpliced(1, 1) })));
    expect(fault).toEqual({
      path: '/nodes/2/tensors/1/name',
      message: '"gn1.bias" is not in state_dict, which must have every tensor of the nodes',
    });
  });

  it.each<[what: string, node: object, path: string]>([
    ['a weight', { id: 'bn1', op: 'other', weight: { name: 'w', shape: [1] } }, '/nodes/2/weight'],
    [
      'a shape of zeros',
      { id: 'bn1', op: 'other', tensors: [{ name: 'w', shape: [0] }] },
      '/nodes/2/tensors/0/shape/0',
    ],
    [
      'a tensor that another has',
      { id: 'bn1', op: 'other', tensors: [{ name: 'fc.bias', shape: [10] }] },
      '/nodes/6/bias/name',
    ],
  ])('has its faults named: %s', (_, node, path) => {
    const nodes = tinyGraph().nodes.with(2, node as never);
    expect(faultsOf(() => skipped({ ...tinyGraph(), nodes })).map((fault) => fault.path)).toEqual([path]);
  });

  it('cannot have more edges than the service accepts', () => {
    const limits = { maxNodes: 100, maxParameters: 1e9 };
    const nodes: object[] = [{ id: 'input', op: 'input' }];
    const links: string[][] = [];
    for (let k = 0; k < 99; k++) {
      nodes.push({ id: `n${k}`, op: k % 3 === 2 ? 'other' : 'sum' });
      links.push(['input', `n${k}`]);
      for (let from = 0; from < k; from++) links.push([`n${from}`, `n${k}`]);
    }
    const faults = faultsOf(() => parseArchitecture({ name: 'net', nodes, edges: links }, limits, 'skip'));
    expect(faults).toEqual([
      {
        path: '/edges',
        message:
          'without the nodes of op other there are more edges than the 6400 that this server takes (MAX_NODES)',
      },
    ]);
  });
});

describe('layers that cannot be predicted', () => {
  const layers = (...middle: object[]) => ({
    name: 'net',
    layers: [
      { name: 'conv', type: 'Conv2d', in_channels: 3, out_channels: 8, kernel_size: 3 },
      ...middle,
      { name: 'gap', type: 'AdaptiveAvgPool2d' },
      { name: 'fc', type: 'Linear', in_features: 8, out_features: 2 },
    ],
  });

  it('are refused, or left out on request', () => {
    const network = layers({ name: 'gn', type: 'GroupNorm', num_groups: 4, num_channels: 8 });
    expect(refused(network)).toEqual([
      {
        path: '/layers/1/type',
        message: expect.stringMatching(
          /^"GroupNorm" cannot be predicted: .*"skip" beside the architecture/,
        ) as string,
      },
    ]);
    const architecture = skipped(network);
    expect(edges(architecture)).toEqual([
      'input > conv',
      'conv > conv.bias',
      'conv.bias > glob_avg_0',
      'glob_avg_0 > fc',
      'fc > fc.bias',
    ]);
    expect(architecture.leftOut).toEqual([
      expect.stringMatching(/^GroupNorm "gn": the only norms that a GHN knows/),
    ]);
  });

  it('are connected with all of their inputs', () => {
    const conv = {
      name: 'conv2',
      type: 'Conv2d',
      in_channels: 3,
      out_channels: 8,
      kernel_size: 3,
      inputs: ['input'],
    };
    const bilinear = { name: 'both', type: 'Bilinear', inputs: ['conv', 'conv2'] };
    expect(edges(skipped(layers(conv, bilinear))).filter((edge) => edge.endsWith('glob_avg_0'))).toEqual([
      'conv.bias > glob_avg_0',
      'conv2.bias > glob_avg_0',
    ]);
  });

  it('do not include unknown names, which are errors', () => {
    expect(faultsOf(() => skipped(layers({ name: 'c', type: 'Conv2D' })))[0]!.message).toMatch(
      /did you mean "Conv2d"/,
    );
    expect(faultsOf(() => skipped(layers({ name: 'c', type: [[[]]] })))).toHaveLength(1);
    expect(
      faultsOf(() => skipped(layers({ name: 'lstm', type: 'LSTM', inputs: ['nowhere'] }))).map(
        ({ path }) => path,
      ),
    ).toEqual(['/layers/1/inputs/0']);
  });
});
