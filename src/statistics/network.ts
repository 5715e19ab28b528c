import { setImmediate } from 'node:timers/promises';
import { elements, isTiled, type TensorSource } from '../tensor/tensor.js';
import { Moments } from './moments.js';
import { multiplicityRuns } from './multiplicity.js';
import type { NetworkStatistics } from './schema.js';

/**
 * Number of entries that are read at once if they need not be read together. Then other work gets a turn, after some
 * ms.
 */
const PIECE = 2 ** 20;

/** Calls `visit` with all of a tensor's entries: entries that the tiling repeats come once, with their multiplicity. */
export async function visitEntries(
  tensor: TensorSource,
  visit: (values: Float32Array, multiplicity: number) => void,
): Promise<void> {
  const length = elements(tensor.blockShape);
  if (isTiled(tensor)) {
    const block = await tensor.readBlock(0, length);
    for (const { start, end, multiplicity } of multiplicityRuns(tensor)) {
      visit(block.subarray(start, end), multiplicity);
    }
    return;
  }
  for (let start = 0; start < length; start += PIECE) {
    visit(await tensor.readBlock(start, Math.min(start + PIECE, length)), 1);
    if (length > PIECE) await setImmediate();
  }
}

/** Computes the moments of one tensor's entries, from its block. */
export async function tensorMoments(tensor: TensorSource): Promise<NetworkStatistics> {
  return networkStatistics([tensor]);
}

/**
 * Computes the moments of all tensors' entries together, from their blocks. Reads at most one block at a time, and
 * yields the thread in between.
 */
export async function networkStatistics(tensors: readonly TensorSource[]): Promise<NetworkStatistics> {
  const network = new Moments();
  for (const tensor of tensors) {
    // Each tensor is computed separately first, so that the result is bit-identical to that from the statistics of each
    // tensor.
    const moments = new Moments();
    await visitEntries(tensor, (values, multiplicity) => moments.add(values, multiplicity));
    network.merge(moments);
  }
  return network.statistics();
}
