import { z } from 'zod';
import { flag, positive } from '../../layers/arguments.js';
import { sizeText } from '../../layers/size.js';
import { shortArray } from '../../schema.js';
import { type KerasValue, kerasLayer, type Place } from '../layer.js';
import { faultUnsized } from '../size.js';
import { tooMany } from './join.js';

const AXES = 'must be an axis, or several';

/**
 * Attention over tokens. Its four projections are convs with biases, and the softmax between them is an msa. For query,
 * key and value, PyTorch's shape [h·d, e] is [e, h, d] in Keras; for the output projection, [e, h·d] is [h, d, e].
 */
export const multiHeadAttention = kerasLayer(
  'MultiHeadAttention',
  {
    num_heads: positive,
    key_dim: positive,
    value_dim: positive.nullish(),
    use_bias: flag.default(true),
    use_gate: flag.nullish(),
    output_shape: z
      .union([positive, z.tuple([positive]).transform(([n]) => n)], 'must be one number')
      .nullish(),
    attention_axes: z.union([z.int(), shortArray(z.int(), 1, 5, AXES)], AXES).nullish(),
  },
  ({ num_heads: heads, key_dim: keys, use_bias: hasBias, ...config }, place) => {
    const { network, weights } = place;
    const values = config.value_dim ?? keys;
    // The same defaults as in Keras.
    const query = place.named.get('query') ?? place.input;
    const value = place.named.get('value') ?? query;
    const key = place.named.get('key') ?? value;
    const project = (name: string, from: KerasValue, size: number): number => {
      const features = featuresOf(from, place);
      const shape = [heads * size, features];
      const layout = { view: [heads, size, features], axes: [2, 0, 1] };
      const kernel = weights.kernel('conv', `${name}/kernel`, { shape, layout }, [from.node]);
      const bias = { shape: [heads * size], layout: { view: [heads, size], axes: [0, 1] } };
      return weights.biased(kernel, `${name}/bias`, hasBias ? bias : null);
    };
    const projected = [
      project('query', query, keys),
      project('key', key, keys),
      project('value', value, values),
    ];
    const attended = network.addOperation('msa', projected);
    const features = config.output_shape ?? featuresOf(query, place);
    const shape = [features, heads * values];
    const layout = { view: [features, heads, values], axes: [1, 2, 0] };
    const out = weights.kernel('conv', 'attention_output/kernel', { shape, layout }, [attended]);
    const node = weights.biased(out, 'attention_output/bias', hasBias ? { shape: [features] } : null);
    // If the inputs have more dimensions than tokens do, only Keras 3 states the order of the scores' axes.
    const isTokens = query.size?.length === 2 && value.size?.length === 2;
    const scores = isTokens ? [heads, query.size[0]!, value.size[0]!] : null;
    return {
      node,
      size: query.size && [...query.size.slice(0, -1), features],
      others: [{ node: attended, size: scores }],
    };
  },
  {
    severalInputs: true,
    takes: ['query', 'value', 'key'],
    refuses: ({ use_gate: isGated }) => (isGated ? 'a GHN has no operation for gated attention' : null),
  },
);

/** Attention without projections is an msa. The scale of its scores is a parameter that no node owns. */
export const attentions = kerasLayer(
  ['Attention', 'AdditiveAttention'],
  { use_scale: flag.nullish(), score_mode: z.string().nullish() },
  ({ use_scale: isScaled, score_mode: mode }, place) => {
    const { input, named, network, weights } = place;
    const query = named.get('query') ?? input;
    const value = named.get('value') ?? query;
    const key = named.get('key') ?? value;
    // The scale of an AdditiveAttention has an entry for each feature. The scale of an Attention is one number.
    const isAdditive = mode === null || mode === undefined;
    if (isScaled && isAdditive && query.size === null) faultUnsized(query, place);
    if (isScaled) weights.other('scale', 'parameter', isAdditive ? [query.size?.at(-1) ?? 1] : []);
    if (mode === 'concat') weights.other('concat_score_weight', 'parameter', []);
    const node = network.addOperation('msa', [...new Set([query.node, key.node, value.node])]);
    const size = query.size && value.size && [...query.size.slice(0, -1), value.size.at(-1)!];
    return { node, size, others: [{ node, size: null }] };
  },
  { severalInputs: true, takes: ['query', 'value', 'key'] },
);

/** A matrix product of two layers' outputs. */
export const dot = kerasLayer(
  'Dot',
  { axes: z.union([z.int(), z.tuple([z.int(), z.int()])], 'must be an axis, or two') },
  ({ axes }, place) => {
    const { inputs, network } = place;
    const [a, b] = inputs;
    const [first, second] = [axes, axes].map((axis, k) => (Array.isArray(axis) ? axis[k]! : axis));
    const rest = ({ size }: KerasValue, axis: number) =>
      size?.toSpliced((axis < 0 ? axis + size.length + 1 : axis) - 1, 1);
    const [left, right] = [a && rest(a, first!), b && rest(b, second!)];
    const size = left && right && [...left, ...right];
    const node = network.multiply(a?.node ?? 0, b?.node ?? 0) ?? tooMany(place);
    return { node, size: size ? (size.length > 0 ? size : [1]) : null };
  },
  { severalInputs: true },
);

/** The number of features on the last axis, where attention works, however many axes are before it. */
function featuresOf(value: KerasValue, place: Place): number {
  const { size, giver } = value;
  if (size === null) faultUnsized(value, place);
  else if (size.length < 2) {
    place.fault(
      null,
      `${place.label} takes tokens, [tokens, features], but ${giver} gives ${sizeText(size)}`,
    );
  } else if ((size.at(-1) ?? null) === null) {
    place.fault(
      null,
      `the weights of ${place.label} depend on the features that ${giver} gives, which are not known: give the whole input shape`,
    );
  }
  return size?.at(-1) ?? 1;
}
