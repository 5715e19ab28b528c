import { positive } from '../../layers/arguments.js';
import type { LayerWeights } from '../layer.js';

/** The key that Keras writes into a layer's config after `enable_lora`. */
export const loraArguments = { lora_rank: positive.nullish() };

/** Adds LoRA's two factors for a kernel with this shape in Keras: parameters that no node owns. */
export function addLora(
  weights: LayerWeights,
  { lora_rank: rank }: { readonly lora_rank?: number | null | undefined },
  kernel: readonly number[],
): void {
  if (rank === null || rank === undefined) return;
  weights.other('lora_kernel_a', 'parameter', [...kernel.slice(0, -1), rank]);
  weights.other('lora_kernel_b', 'parameter', [rank, kernel.at(-1)!]);
}
