import { overflowsFloat16 } from '../tensor/dtype.js';
import type { TensorSource } from '../tensor/tensor.js';
import { visitEntries } from './network.js';

/** Returns the number of finite entries that would become ±Inf as F16. */
export async function countFloat16Overflow(tensors: readonly TensorSource[]): Promise<number> {
  let count = 0;
  for (const tensor of tensors) {
    await visitEntries(tensor, (values, multiplicity) => {
      for (const value of values) if (overflowsFloat16(value)) count += multiplicity;
    });
  }
  return count;
}
