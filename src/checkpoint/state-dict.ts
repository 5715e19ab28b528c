import { CheckpointError } from './error.js';
import { InertObject } from './inert.js';
import type { StateDict, StoredTensor } from './stored.js';
import { TorchTensor } from './torch-tensor.js';

/** The number of a dict's keys that a message lists. */
const LISTED_KEYS = 10;

/** The keys under which training scripts save a state dict. The first one present is used. */
const STATE_DICT_KEYS = ['state_dict', 'model_state_dict', 'model', 'ema_state_dict'] as const;

/**
 * Finds the state dict in the value of a pickle: either a dict of tensors, or a dict that has one under one of the
 * usual keys, and possibly a "config" beside it. Ignores everything else, such as an optimizer's state or a script's
 * arguments.
 */
export function findStateDict(root: unknown): StateDict {
  if (!(root instanceof Map)) {
    throw new CheckpointError(
      'expected a state dict (name to tensor) or a dict with "state_dict", found neither',
    );
  }
  const nested = STATE_DICT_KEYS.map((key): unknown => root.get(key)).find(holdsTensors);
  const found = nested ?? root;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of found) {
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
  return { tensors, config: nested ? plain(root.get('config')) : undefined };
}

const holdsTensors = (value: unknown): value is Map<unknown, unknown> =>
  value instanceof Map && [...value.values()].some((entry) => entry instanceof TorchTensor);

/**
 * Converts a dict or a Namespace of plain values to an object, for the config's schema. Only the top level is
 * converted, since the config has no other.
 */
function plain(value: unknown): unknown {
  if (value instanceof InertObject) return plain(value.state);
  return value instanceof Map
    ? Object.fromEntries([...value].map(([key, entry]) => [String(key), entry]))
    : value;
}
