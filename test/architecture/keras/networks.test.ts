import { describe, expect, it } from 'vitest';
import { parseKeras, readKeras } from '../../../src/architecture/keras/parse.js';
import { kerasShape } from '../../../src/architecture/keras/variable.js';
import { type KerasFixture, kerasNetworks } from '../../helpers/keras.js';
import { LIMITS } from '../fixtures.js';
import { edges } from '../layers/layers.js';

/**
 * Returns the part of a path by which loaders identify a weight: the layer and the weight, without the models around
 * them.
 */
const tail = (path: string) => path.split('/').slice(-2).join('/');

/** LoRA freezes the kernels that it changes, but they are still parameters. */
const isParameter = (path: string, isTrained: boolean) => isTrained || path.endsWith('/kernel');

const weightsOf = ({ model }: KerasFixture) =>
  readKeras({ keras: model }, LIMITS)
    .placed.flatMap(({ variables }) => variables)
    .map((variable) => [variable.path, kerasShape(variable), variable.kind === 'parameter'] as const);

describe.each(['keras3', 'keras2'] as const)('a network of %s', (generation) => {
  const networks = kerasNetworks(generation);

  it.each([...networks.keys()])('has the same weights as in Keras, in their order: %s', (name) => {
    const network = networks.get(name)!;
    const read = weightsOf(network);
    expect(read.map(([path, ...rest]) => [tail(path), ...rest])).toEqual(
      network.weights.map(([path, shape, isTrained]) => [tail(path), shape, isParameter(path, isTrained)]),
    );
  });

  it.each([...networks.keys()].filter((name) => name !== 'models_with_the_same_layer_names'))(
    'has the same paths as in Keras: %s',
    (name) => {
      const network = networks.get(name)!;
      expect(weightsOf(network).map(([path]) => path)).toEqual(network.weights.map(([path]) => path));
    },
  );
});

/** Returns the graph without the nodes of biases, which follow those of their kernels. */
const graphOf = (generation: 'keras2' | 'keras3', name: string) => {
  const { model } = kerasNetworks(generation).get(name)!;
  return edges(parseKeras({ keras: model }, LIMITS))
    .filter((edge) => !/> \S+\/bias$/.test(edge))
    .map((edge) => edge.replaceAll(/\/(kernel|bias|gamma)/g, ''));
};

describe('a network’s graph', () => {
  it('has an attention’s tensors in their places, in whatever order they are named', () => {
    expect(graphOf('keras3', 'attention_by_keywords').filter((edge) => edge.includes('> mha/'))).toEqual(
      ['q > mha/query', 'k > mha/key', 'v > mha/value', 'msa_0 > mha/attention_output'].sort(
        (a, b) => Number(b.startsWith('k')) - Number(a.startsWith('k')),
      ),
    );
  });

  it('does not follow a mask', () => {
    expect(graphOf('keras3', 'attention_with_a_mask')).not.toContain(expect.stringMatching(/^mask/));
  });

  it.each(['keras2', 'keras3'] as const)(
    'connects what follows a product to both factors, %s',
    (generation) => {
      expect(graphOf(generation, 'product_of_two')).toEqual([
        'input > a',
        'input > b',
        'input > c',
        'a > behind',
        'b > behind',
        'c > behind',
        'behind > classes',
      ]);
    },
  );

  it.each([
    ['keras2', 'written_out_attention'],
    ['keras3', 'written_out_attention'],
    ['keras3', 'attention_of_operations'],
    ['keras2', 'attention_of_functions'],
  ] as const)('has an attention that is written out for an msa, %s %s', (generation, name) => {
    const found = graphOf(generation, name).filter((edge) => edge.endsWith('> msa_0'));
    expect(found.sort()).toEqual(['k > msa_0', 'q > msa_0', 'v > msa_0']);
  });

  it.each([
    ['keras3', 'operations_on_images', ['max_pool', 'conv', 'avg_pool', 'sum', 'glob_avg', 'conv']],
    ['keras2', 'functions', ['conv', 'max_pool', 'conv', 'avg_pool', 'glob_avg', 'conv']],
    ['keras3', 'adaptive_pools', ['conv', 'max_pool', 'glob_avg', 'conv']],
    ['keras2', 'preprocessing', ['conv', 'conv']],
    ['keras3', 'arithmetic', ['conv', 'conv']],
  ] as const)('has operations as nodes where they are some, %s %s', (generation, name, ops) => {
    const { nodes } = parseKeras({ keras: kerasNetworks(generation).get(name)!.model }, LIMITS);
    expect(nodes.map(({ op }) => op).filter((op) => op !== 'input' && op !== 'bias')).toEqual(ops);
  });

  it.each(['keras2', 'keras3'] as const)(
    'has one node for a layer that is used twice, and reports it, %s',
    (generation) => {
      const { warnings, nodes } = parseKeras(
        { keras: kerasNetworks(generation).get('shared_layers')!.model },
        LIMITS,
      );
      expect(nodes.map(({ id }) => id).filter((id) => id.startsWith('conv/'))).toEqual([
        'conv/kernel',
        'conv/bias',
      ]);
      expect(warnings?.map(({ code, message }) => `${code} ${message}`)).toEqual([
        'shared_weights Conv2D "conv" is used more than once with the same weights; its node is at the first use',
        expect.stringContaining('BatchNormalization "norm"'),
      ]);
    },
  );

  it('has one node for all inputs', () => {
    expect(graphOf('keras3', 'two_inputs')).toEqual([
      'input > from_a',
      'input > from_b',
      'from_a > concat_0',
      'from_b > concat_0',
      'concat_0 > classes',
    ]);
  });
});
