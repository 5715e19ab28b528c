import { z } from 'zod';
import { flag, positive } from '../../layers/arguments.js';
import type { Dimension, Size } from '../../layers/size.js';
import { kerasLayer } from '../layer.js';

/** The output for a category: its number, or a vector that has an entry for each category. */
const outputMode = (otherwise: 'int' | 'multi_hot') =>
  z
    .enum(['int', 'one_hot', 'multi_hot', 'count', 'tf_idf', 'tf-idf', 'binary'])
    .nullish()
    .transform((mode) => mode ?? otherwise);

type OutputMode = z.output<ReturnType<typeof outputMode>>;

/** The size of categories after they are encoded with this many categories. */
function encoded(size: Size | null, mode: OutputMode, categories: Dimension): Size | null {
  if (size === null || mode === 'int') return size;
  const isReplaced = mode !== 'one_hot' || size.at(-1) === 1;
  return [...(isReplaced ? size.slice(0, -1) : size), categories];
}

const categoryEncoding = kerasLayer(
  'CategoryEncoding',
  { num_tokens: positive, output_mode: outputMode('multi_hot') },
  ({ num_tokens: tokens, output_mode: mode }, { input: { node, size } }) => ({
    node,
    size: encoded(size, mode, tokens),
  }),
);

const hashing = kerasLayer(
  'Hashing',
  { num_bins: positive, output_mode: outputMode('int') },
  ({ num_bins: bins, output_mode: mode }, { input: { node, size } }) => ({
    node,
    size: encoded(size, mode, bins),
  }),
);

const lookups = kerasLayer(
  ['IntegerLookup', 'StringLookup'],
  {
    output_mode: outputMode('int'),
    max_tokens: positive.nullish(),
    pad_to_max_tokens: flag.nullish(),
    vocabulary_size: positive.nullish(),
  },
  ({ output_mode: mode, max_tokens: most, pad_to_max_tokens: isPadded, vocabulary_size: known }, place) => {
    const { node, size } = place.input;
    return { node, size: encoded(size, mode, (isPadded ? most : known) ?? null) };
  },
);

/** Replaces each number by the index of its bin. */
const discretization = kerasLayer(
  'Discretization',
  {
    bin_boundaries: z.array(z.number()).nullish(),
    num_bins: positive.nullish(),
    output_mode: outputMode('int'),
  },
  ({ bin_boundaries: boundaries, num_bins: given, output_mode: mode }, { input: { node, size } }) => {
    const bins = boundaries ? boundaries.length + 1 : (given ?? null);
    // Versions of Keras disagree on the output size for more dimensions.
    return { node, size: mode !== 'int' && size && size.length > 1 ? null : encoded(size, mode, bins) };
  },
);

/**
 * Turns a text into the numbers of its words, in a sequence of this length, or into a vector with an entry for each
 * word.
 */
const textVectorization = kerasLayer(
  'TextVectorization',
  {
    output_mode: outputMode('int'),
    output_sequence_length: positive.nullish(),
    max_tokens: positive.nullish(),
    pad_to_max_tokens: flag.nullish(),
  },
  ({ output_mode: mode, output_sequence_length: length, ...config }, { input: { node } }) => {
    const words = config.pad_to_max_tokens ? (config.max_tokens ?? null) : null;
    return { node, size: [mode === 'int' ? (length ?? null) : words] };
  },
);

/** Layers without weights that turn categories into numbers or vectors. */
export const categories = [categoryEncoding, hashing, lookups, discretization, textVectorization];
