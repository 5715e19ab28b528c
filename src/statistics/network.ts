import { setImmediate } from 'node:timers/promises';
import { elements, isTiled, type TensorSource } from '../tensor/tensor.js';
import { Moments } from './moments.js';
import { multiplicityRuns } from './multiplicity.js';
import type { NetworkStatistics } from './schema.js';

/** Entries that are read at once where they need not be read together, and after which others get a turn: some ms. */
const PIECE = 2 ** 20;

/** Gives all of a tensor's entries to `visit`, those that the tiling repeats once and with how often. */
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

/** The moments of one tensor's entries, from its block. */
export async function tensorMoments(tensor: TensorSource): Promise<NetworkStatistics> {
  return networkStatistics([tensor]);
}

/**
 * The moments of all tensors' entries together, from their blocks. Reads no more than a block at a time and lets others
 * have the thread in between.
 */
export async function networkStatistics(tensors: readonly TensorSource[]): Promise<NetworkStatistics> {
  const network = new Moments();
  for (const tensor of tensors) {
    // Each on its own first, so that statistics of every tensor give the same to the last bit.
    const moments = new Moments();
    await visitEntries(tensor, (values, multiplicity) => moments.add(values, multiplicity));
    network.merge(moments);
  }
  return network.statistics();
}
