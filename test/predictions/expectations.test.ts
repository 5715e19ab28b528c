import { expect, it } from 'vitest';
import { parseArchitecture } from '../../src/architecture/parse.js';
import { expectations } from '../../src/predictions/expectations.js';
import type { GhnDescription } from '../../src/predictor/protocol.js';

const LIMITS = { maxNodes: 100, maxParameters: 1e6 };

const ghn = {
  id: 'digits',
  config: { family: 'ghn3', numClasses: 10 },
  images: [1, 28, 28],
} as unknown as GhnDescription;

/** A network of one convolution, a norm where it has one, and a head. */
function network(channels: number, classes: number, { norm = false, scale = false } = {}) {
  return parseArchitecture(
    {
      name: 'n',
      nodes: [
        { id: 'input', op: 'input' },
        { id: 'conv', op: 'conv', weight: { name: 'conv.weight', shape: [8, channels, 3, 3] } },
        ...(norm ? [{ id: 'bn', op: 'bn', weight: { name: 'bn.weight', shape: [8] } }] : []),
        { id: 'gap', op: 'glob_avg' },
        { id: 'fc', op: 'conv', weight: { name: 'fc.weight', shape: [classes, 8] } },
      ],
      edges: norm
        ? [
            ['input', 'conv'],
            ['conv', 'bn'],
            ['bn', 'gap'],
            ['gap', 'fc'],
          ]
        : [
            ['input', 'conv'],
            ['conv', 'gap'],
            ['gap', 'fc'],
          ],
      ...(scale && {
        state_dict: [
          { name: 'conv.weight', shape: [8, channels, 3, 3], kind: 'parameter' },
          { name: 'scale', shape: [8], kind: 'parameter' },
          { name: 'fc.weight', shape: [classes, 8], kind: 'parameter' },
        ],
      }),
    },
    LIMITS,
  );
}

const codes = (architecture: ReturnType<typeof network>, { classifier = true, by = ghn } = {}) =>
  expectations(architecture, { predict_classifier: classifier }, by).map(({ code }) => code);

it('there is no warning about a network similar to those that the GHN was trained on', () => {
  expect(codes(network(1, 10))).toEqual([]);
});

it('there is a warning about a network for other images, or for more or fewer classes', () => {
  expect(codes(network(3, 10))).toEqual(['ghn_trained_for_other_images']);
  expect(codes(network(1, 1000))).toEqual(['classes_repeated']);
  expect(codes(network(1, 2))).toEqual(['ghn_trained_for_other_classes']);
});

it('classes do not matter if the classifier is left out, or the family decodes any number of them', () => {
  expect(codes(network(1, 1000), { classifier: false })).toEqual([]);
  const logah = { ...ghn, config: { ...ghn.config, family: 'logah' } } as GhnDescription;
  expect(codes(network(1, 1000), { by: logah })).toEqual([]);
});

it('images do not matter if the checkpoint does not give those of its training', () => {
  expect(codes(network(3, 10), { by: { ...ghn, images: null } })).toEqual([]);
});

it('running statistics of BatchNorm and parameters of no node are named', () => {
  expect(codes(network(1, 10, { norm: true }))).toEqual(['batch_norm_statistics_not_predicted']);
  const [warning] = expectations(network(1, 10, { scale: true }), { predict_classifier: true }, ghn);
  expect(warning?.code).toBe('parameters_not_predicted');
  expect(warning?.message).toContain('scale');
});
