/**
 * Numbers of partial sums that PyTorch computes in parallel for a norm on a CPU: one for each float32 in a vector
 * (AVX2, AVX-512).
 */
const LANES = [8, 16];

/** In sums of fewer squares, not even the smallest is lost. */
const MIN_COUNT = 2 ** 18;

/** Number of samples from a block, at equal distances: enough to estimate the lost part to a few per cent. */
const MAX_SAMPLES = 2 ** 14;

/** Number of bits of a float32 below its leading one. */
const FRACTION_BITS = 23;

/**
 * Number of final doublings of a sum that are considered. Earlier ones lose nothing, because the last bit of the sum is
 * far below the added squares.
 */
const DOUBLINGS = 12;

/** Range of a computed sum of squares, as factors of the exact sum. */
export interface SumRange {
  readonly least: number;
  readonly most: number;
}

const EXACT: SumRange = { least: 1, most: 1 };

/**
 * Returns the range of the sum of squares that PyTorch computes for the norm of a large tensor, as factors of the exact
 * sum. On a CPU it adds the squares in float32, one after the other. Once the sum is large, its last bit exceeds small
 * squares, and they are lost (2 % of the sum for the 103 million values of VGG's first Linear). On a GPU they are not
 * lost, so the range includes both.
 *
 * @param block the values that the tensor repeats
 * @param count number of values in the tensor
 */
export function float32SumRange(block: Float32Array, count: number): SumRange {
  if (count < MIN_COUNT) return EXACT;
  const samples = Math.min(block.length, MAX_SAMPLES);
  const squares = Float64Array.from({ length: samples }, (_, k) => {
    const value = block[Math.floor((k * block.length) / samples)];
    return value * value;
  });
  const factors = LANES.map((lanes) => summedPart(squares, count / lanes));
  return { least: Math.min(1, ...factors), most: Math.max(1, ...factors) };
}

/**
 * Returns the computed part of a sum of `additions` squares similar to those given. Between two powers of two, the last
 * bit of the sum stays the same, and each square adds, on average, its value rounded to that bit.
 */
function summedPart(squares: Float64Array, additions: number): number {
  const mean = average(squares, (square) => square);
  const total = additions * mean;
  if (!(total > 0 && total < Number.POSITIVE_INFINITY)) return 1;
  let exponent = Math.floor(Math.log2(total)) - DOUBLINGS;
  let sum = 2 ** exponent;
  let left = additions - sum / mean;
  for (;;) {
    const bit = 2 ** (exponent - FRACTION_BITS);
    const added = average(squares, (square) => Math.round(square / bit) * bit);
    exponent++;
    const next = 2 ** exponent;
    if (sum + left * added <= next) return (sum + left * added) / total;
    left -= (next - sum) / added;
    sum = next;
  }
}

function average(values: Float64Array, of: (value: number) => number): number {
  let sum = 0;
  for (const value of values) sum += of(value);
  return sum / values.length;
}
