import type { Pair } from './arguments.js';
import type { Place, Value } from './layer-type.js';
import type { Dimension, Size } from './size.js';
import { sizeText } from './size.js';

/** The parameters of a window that moves over an image, by axis. */
export interface Sliding {
  readonly kernel: Pair<number>;
  readonly stride: Pair<number>;
  readonly padding: Pair<number>;
  readonly dilation: Pair<number>;
  /** True if the last window may extend past the end, as long as it begins before it. */
  readonly ceil?: boolean;
}

/**
 * Height and width of the output of a window that slides over an image (PyTorch's formula). Adds a fault if the window
 * does not fit into the image.
 */
export function slidingSize(
  size: Size,
  sliding: Sliding,
  input: Value,
  { label, fault }: Pick<Place, 'label' | 'fault'>,
): Dimension[] {
  const sides = ([0, 1] as const).map((axis) => steps(size[axis + 1] ?? null, sliding, axis));
  if (sides.some((side) => side !== null && side < 1)) {
    const window = `a window of ${sliding.kernel.join(' × ')}`;
    fault(
      null,
      `${label} has ${window}, which does not fit into ${sizeText(size)}, the output of ${input.giver}`,
    );
    return [null, null];
  }
  return sides;
}

function steps(
  length: Dimension,
  { kernel, stride, padding, dilation, ceil }: Sliding,
  axis: 0 | 1,
): Dimension {
  if (length === null) return null;
  const room = length + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1;
  if (room < 0) return 0;
  if (!ceil) return Math.floor(room / stride[axis]) + 1;
  const last = Math.ceil(room / stride[axis]);
  return last * stride[axis] >= length + padding[axis] ? last : last + 1;
}
