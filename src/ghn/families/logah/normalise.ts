import type { Architecture } from '../../../architecture/architecture.js';
import type { PredictedTensor } from '../../../architecture/tensors.js';
import { elements } from '../../../tensor/tensor.js';
import type { Block } from '../../decoder/block.js';
import { normalise, weightScale } from '../../normalise.js';

/** The three normalisations of language models, by date (docs/logah.md, section 5). The first is the paper's. */
export const LANGUAGE_NORMALISATIONS = ['fan_in_depth', 'fan_in', 'std'] as const;
export type LanguageNormalisation = (typeof LANGUAGE_NORMALISATIONS)[number];

/** Projections back into the residual stream. They are divided by the square root of twice the number of blocks. */
const RESIDUAL_PROJECTION = /(?:c_proj|\.o_proj)\.weight$/;

/** Prevents a division by 0 in `std`. */
const STD_EPSILON = 1e-7;
const INITIALIZER_RANGE = 0.02;

/**
 * Normalises a language model's tensor in place. Embeddings keep their scale, and vectors are squashed as in image
 * networks.
 */
export function normaliseLanguage(
  architecture: Architecture,
  { name, node, shape, role }: PredictedTensor,
  block: Block,
  how: LanguageNormalisation,
): void {
  const { values } = block;
  if (shape.length === 1) {
    normalise(values, shape, role);
    return;
  }
  if (architecture.nodes[node].op === 'pos_enc') return;
  let scale = 1;
  if (how === 'std') scale = INITIALIZER_RANGE / (tiledStd(block, shape) + STD_EPSILON);
  else {
    scale = weightScale(shape);
    if (how === 'fan_in_depth' && RESIDUAL_PROJECTION.test(name)) {
      scale /= Math.sqrt(2 * Math.max(1, blockCount(architecture)));
    }
  }
  for (let k = 0; k < values.length; k++) values[k] *= scale;
}

/** The number of blocks. Each block has one attention. */
const blockCount = ({ nodes }: Architecture): number => nodes.filter(({ op }) => op === 'msa').length;

/** The standard deviation (with n - 1) of the tensor that a block is tiled to. */
function tiledStd({ values, shape: blockShape }: Block, shape: readonly number[]): number {
  const counts = blockShape.map((extent, k) =>
    Float64Array.from(
      { length: extent },
      (_, j) => Math.floor(shape[k] / extent) + (j < shape[k] % extent ? 1 : 0),
    ),
  );
  const total = elements(shape);
  const weighted = (of: (value: number) => number): number => {
    let sum = 0;
    const index = new Array<number>(blockShape.length).fill(0);
    for (const value of values) {
      let count = 1;
      for (let k = 0; k < index.length; k++) count *= counts[k][index[k]];
      sum += count * of(value);
      for (let k = index.length - 1; k >= 0; k--) {
        if (++index[k] < blockShape[k]) break;
        index[k] = 0;
      }
    }
    return sum;
  };
  const mean = weighted((value) => value) / total;
  return Math.sqrt(weighted((value) => (value - mean) ** 2) / Math.max(1, total - 1));
}
