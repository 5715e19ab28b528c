import { shortArray } from '../../schema.js';
import { flag, number, positive } from '../arguments.js';
import { tokensSize } from '../expect.js';
import { layerSchema, layerType } from '../layer-type.js';
import { agree, product, sizeText } from '../size.js';

const attentionSchema = layerSchema('MultiheadAttention', {
  embed_dim: positive,
  num_heads: positive,
  dropout: number.optional(),
  bias: flag.default(true),
  batch_first: flag.optional(),
});

/** Self-attention. The in and out projections are convs with biases, and the softmax between them is an msa. */
export const multiheadAttention = layerType(attentionSchema, (layer, { label, input, network, fault }) => {
  const { name, embed_dim: width, num_heads: heads } = layer;
  if (width % heads !== 0)
    fault('num_heads', `${width} features of ${label} cannot be divided among ${heads} heads`);
  const size = tokensSize(input, width, 'embed_dim', { label, fault });
  const project = (id: string, weight: string, bias: string, outputs: number, from: number): number => {
    const node = network.addWeight('conv', id, { name: weight, shape: [outputs, width] }, [from]);
    return layer.bias ? network.addBias({ name: bias, shape: [outputs] }, node) : node;
  };
  const weight = `${name}.in_proj_weight`;
  const projected = project(weight, weight, `${name}.in_proj_bias`, 3 * width, input.node);
  const attended = network.addOperation('msa', [projected]);
  const out = `${name}.out_proj`;
  return { node: project(out, `${out}.weight`, `${out}.bias`, width, attended), size };
});

const classTokenSchema = layerSchema('ClassToken', { embed_dim: positive });

/**
 * A learned token, [1, 1, embed_dim], that is put before the others. It has the layer's name. No node owns it, so it is
 * not predicted.
 */
export const classToken = layerType(classTokenSchema, (layer, place) => {
  const size = tokensSize(place.input, layer.embed_dim, 'embed_dim', place);
  const [tokens = null] = size;
  place.network.addTensor({ name: layer.name, shape: [1, 1, layer.embed_dim] }, 'parameter');
  return { node: place.input.node, size: [tokens === null ? null : tokens + 1, layer.embed_dim] };
});

const SHAPE = 'must be [1, tokens, features], [tokens, features] or [1, channels, height, width]';
const positionSchema = layerSchema('PositionEmbedding', {
  shape: shortArray(positive, 2, 4, SHAPE)
    .refine((shape) => shape.length === 2 || (shape.length > 2 && shape[0] === 1), SHAPE)
    .meta({ example: [1, 65, 128] }),
});

/** A learned table that is added to the input: a pos_enc and a sum. It has the layer's name. */
export const positionEmbedding = layerType(positionSchema, (layer, { label, input, network, fault }) => {
  const { name, shape } = layer;
  const own = shape.length === 2 ? shape : shape.slice(1);
  const { size } = input;
  if (size !== null && (size.length !== own.length || !own.every((n, axis) => agree(n, size[axis])))) {
    fault('shape', `${label} has shape ${sizeText(shape)}, but ${input.giver} gives ${sizeText(size)}`);
  } else if (product(own) === own.at(-1)) {
    fault(
      'shape',
      `${label} has shape ${sizeText(shape)}: a position embedding is for two positions or more`,
    );
  }
  const table = network.addWeight('pos_enc', name, { name, shape }, []);
  return { node: network.join('sum', [input.node, table]), size: own };
});
