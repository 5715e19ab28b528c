import type { Architecture } from '../architecture/architecture.js';
import { notPredicted, parameters } from '../architecture/tensors.js';
import { TOKEN_STD } from '../ghn/decoder/kernel-block.js';
import { isTokenSequence, tokenGridSide } from '../ghn/shape-tables.js';
import { repetitions } from '../statistics/multiplicity.js';
import { tensorMoments } from '../statistics/network.js';
import { elements, type TiledTensor, tensorSource } from '../tensor/tensor.js';
import { float32SumRange } from './float32-sum.js';
import { drawnSquares, initialSquares, type SquareSum } from './initial-values.js';

/** The L2 norm over all of a network's parameters, and the range in which others may correctly find it. */
export interface NetworkNorm {
  /** The norm in float64, with the expectation of randomly drawn values. NaN if a parameter is not finite. */
  readonly norm: number;
  /** The standard deviation of the norm that random values cause. */
  readonly deviation: number;
  /** The range of the norm that PyTorch computes in float32, which depends on the machine. */
  readonly float32: { readonly least: number; readonly most: number };
}

/** The contribution of one tensor, or of a part of it, to the sum of all squares. */
interface Contribution extends SquareSum {
  readonly least: number;
  readonly most: number;
}

/**
 * Returns the norm of a network with the predicted tensors, and the framework's initial values for all others. It is
 * computed from the blocks and their multiplicities.
 */
export async function networkNorm(
  architecture: Architecture,
  tensors: readonly TiledTensor[],
): Promise<NetworkNorm> {
  const contributions: Contribution[] = [];
  for (const tensor of tensors) {
    const { drawn, decoded } = withoutDrawnRows(tensor);
    if (drawn) contributions.push(asDrawn(drawn));
    contributions.push(await decodedSquares(decoded));
  }
  const initial = new Set(notPredicted(architecture));
  for (const parameter of parameters(architecture)) {
    if (initial.has(parameter.name)) contributions.push(asDrawn(initialSquares(parameter)));
  }
  const sum = (key: keyof Contribution) => contributions.reduce((total, part) => total + part[key], 0);
  const norm = Math.sqrt(sum('expected'));
  return {
    norm,
    deviation: Math.sqrt(sum('variance')) / (2 * norm),
    float32: { least: Math.sqrt(sum('least')), most: Math.sqrt(sum('most')) },
  };
}

const asDrawn = (sum: SquareSum): Contribution => ({ ...sum, least: sum.expected, most: sum.expected });

async function decodedSquares(tensor: TiledTensor): Promise<Contribution> {
  const { l2 } = await tensorMoments(tensorSource(tensor));
  const expected = l2 === null ? Number.NaN : l2 * l2;
  const { least, most } = float32SumRange(tensor.block, elements(tensor.shape));
  return { expected, variance: 0, least: expected * least, most: expected * most };
}

/**
 * Splits off the first rows of a position embedding, which are drawn and not decoded if the number of tokens is not a
 * square (docs/ghn.md, section 5).
 */
function withoutDrawnRows(tensor: TiledTensor): { drawn: SquareSum | null; decoded: TiledTensor } {
  const { shape, blockShape, block } = tensor;
  const rows = isTokenSequence(shape) ? shape[1] - tokenGridSide(shape) ** 2 : 0;
  if (rows === 0) return { drawn: null, decoded: tensor };
  const width = blockShape[2];
  const left = shape[1] - rows;
  const columns = Array.from(repetitions(shape[2], width), (repeats) =>
    drawnSquares(rows, TOKEN_STD, repeats),
  );
  return {
    drawn: {
      expected: columns.reduce((sum, column) => sum + column.expected, 0),
      variance: columns.reduce((sum, column) => sum + column.variance, 0),
    },
    decoded: {
      ...tensor,
      shape: [1, left, shape[2]],
      blockShape: [1, left, width],
      block: block.subarray(rows * width),
    },
  };
}
