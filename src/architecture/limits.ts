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
  /** Layers that are not nodes (activations, dropout, reshapes) are many, but hardly more than this to each that is one. */
  layers: ({ maxNodes }: Limits) => 4 * maxNodes,
  /** A DenseNet has four to a node. One given twice counts twice: it is read twice. */
  edges: ({ maxNodes }: Limits) => 64 * maxNodes,
  /** These are edges. */
  'inputs of layers': ({ maxNodes }: Limits) => 64 * maxNodes,
  /** A batch norm has five, the most of any node; there are those that no node owns, too. Buffers count. */
  tensors: ({ maxNodes }: Limits) => 8 * maxNodes,
  /** Three tensors to a node, with names twice as long as the longest of networks that people give by hand. */
  'bytes of tensors’ names': ({ maxNodes }: Limits) => 512 * maxNodes,
} as const;

export type Counted = keyof typeof LIMITS;

export function limitOf(what: Counted, limits: Limits): number {
  return LIMITS[what](limits);
}

/** The setting that a limit follows. */
export const settingOf = (what: Counted): string => (what === 'parameters' ? 'MAX_PARAMETERS' : 'MAX_NODES');

/** Adds a fault where there are more than there may be; gives whether that is so. */
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
