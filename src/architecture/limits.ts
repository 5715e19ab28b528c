import type { FaultList } from './faults.js';

/** How large an architecture may be (the settings MAX_NODES and MAX_PARAMETERS). */
export interface Limits {
  readonly maxNodes: number;
  readonly maxParameters: number;
}

export function checkCount(
  what: 'nodes' | 'parameters',
  count: number,
  limits: Limits,
  path: readonly PropertyKey[],
  faults: FaultList,
): void {
  const limit = what === 'nodes' ? limits.maxNodes : limits.maxParameters;
  if (count > limit) faults.add(path, `${count} ${what}, more than the ${limit} that this server takes`);
}
