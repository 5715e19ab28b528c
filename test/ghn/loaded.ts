import type { Engine } from '../../src/engine/engine.js';
import { readCheckpoint } from '../../src/ghn/checkpoint.js';
import type { Ghn } from '../../src/ghn/ghn.js';
import { loadGhn } from '../../src/ghn/load.js';
import type { TiledTensor } from '../../src/tensor/tensor.js';
import { checkpointFile } from '../helpers/service.js';
import type { ReferenceTensor } from './reference/decoder.js';

/** Loads the GHN in a file of test/fixtures/checkpoints. */
export async function loadNano(file: string, engine: Engine): Promise<Ghn> {
  return loadGhn(await readCheckpoint(checkpointFile(file)), engine);
}

/** Least scale of differences: 1e-4 of it is the rounding error of float32 numbers around 1. */
const LEAST_SCALE = 1e-3;

/**
 * Returns the largest difference between a predicted tensor's block and the reference, in standard deviations of the
 * reference; infinity if the shapes differ. Values drawn at random are left out.
 */
export function distance(tensor: TiledTensor, reference: ReferenceTensor): number {
  const sameShapes =
    tensor.shape.join() === reference.shape.join() &&
    tensor.blockShape.join() === reference.blockShape.join() &&
    tensor.block.length === reference.block.length;
  if (!sameShapes) return Number.POSITIVE_INFINITY;
  const expected = reference.block.subarray(reference.drawn);
  if (expected.length === 0) return 0;
  const mean = expected.reduce((sum, value) => sum + value, 0) / expected.length;
  const deviation = Math.sqrt(
    expected.reduce((sum, value) => sum + (value - mean) ** 2, 0) / expected.length,
  );
  // Values that hardly differ, or a single one, are as exact as float32 can be for numbers of their size, and for the
  // terms around 1 that they are sums of.
  const scale = Math.max(deviation, Math.abs(mean) / 10, LEAST_SCALE);
  return expected.reduce((worst, value, k) => {
    const error = Math.abs(tensor.block[reference.drawn + k] - value) / scale;
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
  }, 0);
}
