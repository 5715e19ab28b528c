import type { Architecture } from './architecture.js';
import { buildArchitecture } from './graph.js';
import type { Limits } from './limits.js';
import { loadArchitecture } from './zoo.js';

/** Number of architectures that stay in memory. To read and check one takes 2 to 40 ms; it takes up at most 1 MB. */
const KEPT = 16;

/** The most recently used architectures; the last used one is last. */
const kept = new Map<string, Architecture>();

/**
 * The architecture that the zoo has under a name. The same object is returned again while it is kept.
 *
 * @param numClasses outputs of its head, instead of 1000
 * @throws UnknownArchitectureError; ArchitectureError if it is larger than the limits
 */
export function namedArchitecture(
  name: string,
  numClasses: number | undefined,
  limits: Limits,
): Architecture {
  const { maxNodes, maxParameters } = limits;
  const key = [maxNodes, maxParameters, numClasses, name].join(' ');
  const architecture = kept.get(key) ?? buildArchitecture(loadArchitecture(name, numClasses), limits);
  kept.delete(key);
  kept.set(key, architecture);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
  return architecture;
}
