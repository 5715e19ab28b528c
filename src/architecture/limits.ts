import type { FaultList } from './faults.js';

/** Limits of an architecture's size (the settings MAX_NODES and MAX_PARAMETERS). */
export interface Limits {
  readonly maxNodes: number;
  readonly maxParameters: number;
}

/** The limits on an architecture. A limit that has no setting follows from the limit on nodes. */
const LIMITS = {
  nodes: ({ maxNodes }: Limits) => maxNodes,
  parameters: ({ maxParameters }: Limits) => maxParameters,
  /**
   * Activations, dropout and reshapes are layers but not nodes. There are rarely more than three of them for each node.
   */
  layers: ({ maxNodes }: Limits) => 4 * maxNodes,
  /** A DenseNet has four edges for each node. A repeated edge counts twice, since it is read twice. */
  edges: ({ maxNodes }: Limits) => 64 * maxNodes,
  /** Each input of a layer is an edge. */
  'inputs of layers': ({ maxNodes }: Limits) => 64 * maxNodes,
  /** No node has more tensors than a batch norm, which has five, counting buffers. Some tensors belong to no node. */
  tensors: ({ maxNodes }: Limits) => 8 * maxNodes,
  /** Allows three tensors for each node, with names twice as long as the longest in networks written by hand. */
  'bytes of tensors’ names': ({ maxNodes }: Limits) => 512 * maxNodes,
} as const;

export type Counted = keyof typeof LIMITS;

export function limitOf(what: Counted, limits: Limits): number {
  return LIMITS[what](limits);
}

/** The setting that a limit follows. */
export const settingOf = (what: Counted): string => (what === 'parameters' ? 'MAX_PARAMETERS' : 'MAX_NODES');

/** Adds a fault and returns true if the count exceeds its limit. */
export function checkCount(
  what: Counted,
  count: number,
  limits: Limits,
  path: readonly PropertyKey[],
  faults: FaultList,
): boolean {
  const limit = limitOf(what, limits);
  if (count <= limit) return false;
  faults.add(path, `${count} ${what}, more than the ${limit} that this server takes (${settingOf(what)})`);
  return true;
}
