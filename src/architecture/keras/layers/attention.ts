import { z } from 'zod';
import { flag, positive } from '../../layers/arguments.js';
import type { Value } from '../../layers/layer-type.js';
import { sizeText } from '../../layers/size.js';
import { kerasLayer, type Place } from '../layer.js';

/**
 * Attention over tokens: its four projections are convs with biases, the softmax between them an msa. PyTorch's [h·d, e]
 * of a head's projections is Keras' [e, h, d], and the [e, h·d] of the way out is [h, d, e].
 */
export const multiHeadAttention = kerasLayer(
  'MultiHeadAttention',
  {
    num_heads: positive,
    key_dim: positive,
    value_dim: positive.nullish(),
    use_bias: flag.default(true),
    use_gate: z.literal(false, 'a GHN has no operation for gated attention').nullish(),
    output_shape: z
      .union([positive, z.tuple([positive]).transform(([n]) => n)], 'must be one number')
      .nullish(),
    attention_axes: z
      .union([z.int(), z.tuple([z.int()]).transform(([n]) => n)], 'must be one axis')
      .nullish(),
  },
  ({ num_heads: heads, key_dim: keys, use_bias: hasBias, ...config }, place) => {
    const { network, weights } = place;
    const values = config.value_dim ?? keys;
    // Keras' own order of arguments; what is not given is the one before it.
    const [query = place.input, value = query, key = value] = place.inputs;
    const project = (name: string, from: Value, size: number): number => {
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
    return { node, size: query.size && [query.size[0]!, features] };
  },
  { severalInputs: true },
);

function featuresOf({ size, giver }: Value, { label, fault }: Place): number {
  if (size === null) return 1;
  const features = size[1] ?? null;
  if (size.length !== 2)
    fault(null, `${label} takes tokens, [tokens, features], but ${giver} gives ${sizeText(size)}`);
  else if (features === null) {
    fault(
      null,
      `the weights of ${label} depend on the features that ${giver} gives, which are not known: give the whole input shape`,
    );
  }
  return features ?? 1;
}
