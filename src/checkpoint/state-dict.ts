import { CheckpointError } from './error.js';
import type { StateDict, StoredTensor } from './stored.js';
import { TorchTensor } from './torch-tensor.js';

/** How many of a dict's keys a message lists. */
const LISTED_KEYS = 10;

/**
 * Finds the state dict in what a pickle holds: itself a dict of tensors, or a dict with one under "state_dict" and maybe a
 * "config" beside it.
 */
export function findStateDict(root: unknown): StateDict {
  if (!(root instanceof Map)) {
    throw new CheckpointError(
      'expected a state dict (name to tensor) or a dict with "state_dict", found neither',
    );
  }
  const nested: unknown = root.get('state_dict');
  const found: unknown = nested instanceof Map ? nested : root;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of found as Map<unknown, unknown>) {
    if (typeof name === 'string' && value instanceof TorchTensor) tensors.set(name, value);
  }
  if (tensors.size === 0) {
    const keys = [...root.keys()]
      .slice(0, LISTED_KEYS)
      .map((key) => JSON.stringify(String(key).slice(0, 50)));
    throw new CheckpointError(
      `expected a state dict (name to tensor) or a dict with "state_dict", found a dict with ${keys.join(', ') || 'nothing'}`,
    );
  }
  return { tensors, config: nested instanceof Map ? plain(root.get('config')) : undefined };
}

/** A dict of plain values as an object, for the config's schema; only its own level, the config has no other. */
function plain(value: unknown): unknown {
  return value instanceof Map
    ? Object.fromEntries([...value].map(([key, entry]) => [String(key), entry]))
    : value;
}
